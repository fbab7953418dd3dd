"""Shared builders: small, true worlds for tests."""

from __future__ import annotations

from app.domain.gazetteer import Gazetteer
from app.domain.gazetteer_index import PlaceRow


def small_gazetteer() -> Gazetteer:
    """Return a gazetteer of Idlib's countryside, its rivals for the same names, and the capitals that posts mention."""
    return Gazetteer.from_places(place_rows())


def place_rows() -> list[PlaceRow]:
    """Return the rows of `small_gazetteer`: ids are "c:CC" for countries, "r:..." for regions, "p:..." for the rest."""
    return [*_countries(), *_regions(), *_settlements()]


def _countries() -> list[PlaceRow]:
    table = (
        ("SY", "Syria", 35.0, 38.5, 320.0, 22_000_000, ("سوريا", "سورية", "Syrian Arab Republic", "Сирія", "Сирия")),
        ("RU", "Russia", 61.5, 105.0, 2300.0, 144_000_000, ("روسيا", "Росія", "Россия", "Russian Federation")),
        ("UA", "Ukraine", 48.4, 31.2, 440.0, 41_000_000, ("أوكرانيا", "Україна", "Украина")),
        ("TR", "Turkey", 39.0, 35.2, 500.0, 84_000_000, ("تركيا", "Türkiye")),
        ("US", "United States", 39.8, -98.6, 1700.0, 331_000_000, ("USA", "America", "أمريكا", "الولايات المتحدة")),
        ("IR", "Iran", 32.4, 53.7, 720.0, 85_000_000, ("إيران",)),
        ("IL", "Israel", 31.4, 35.0, 80.0, 9_500_000, ("إسرائيل",)),
        ("PS", "Palestine", 31.9, 35.2, 45.0, 5_300_000, ("فلسطين",)),
        ("LB", "Lebanon", 33.9, 35.9, 58.0, 5_500_000, ("لبنان",)),
        ("IQ", "Iraq", 33.0, 44.0, 370.0, 43_000_000, ("العراق",)),
        ("YE", "Yemen", 15.5, 47.6, 400.0, 33_000_000, ("اليمن",)),
        ("SD", "Sudan", 15.6, 30.2, 770.0, 48_000_000, ("السودان",)),
    )
    return [
        PlaceRow(f"c:{code}", name, code, lat, lon, "country", people, radius, names, skeletons=False)
        for code, name, lat, lon, radius, people, names in table
    ]


def _regions() -> list[PlaceRow]:
    table = (
        (
            "r:idlib",
            "Idlib Governorate",
            "SY",
            35.8,
            36.7,
            45.0,
            ("Idlib", "Idlib Province", "محافظة إدلب", "إدلب", "Idleb"),
        ),
        ("r:aleppo", "Aleppo Governorate", "SY", 36.2, 37.6, 75.0, ("Aleppo Province", "محافظة حلب")),
        ("r:hama", "Hama Governorate", "SY", 35.1, 37.0, 60.0, ("Hama Province", "محافظة حماة")),
        ("r:latakia", "Latakia Governorate", "SY", 35.6, 36.0, 30.0, ("Latakia Province", "محافظة اللاذقية")),
        ("r:donetsk", "Donetsk Oblast", "UA", 48.1, 37.7, 100.0, ("Донецька область", "Донецкая область")),
        ("r:kharkiv", "Kharkiv Oblast", "UA", 49.5, 36.4, 100.0, ("Харківська область", "Харьковская область")),
    )
    return [
        PlaceRow(place_id, name, code, lat, lon, "region", 0, radius, names, (f"c:{code}",))
        for place_id, name, code, lat, lon, radius, names in table
    ]


def _settlements() -> list[PlaceRow]:
    table = (
        (
            "jisr",
            "Jisr ash-Shughur",
            "SY",
            35.8142,
            36.3198,
            "city",
            44_000,
            "r:idlib",
            ("Jisr al-Shughour", "جسر الشغور"),
        ),
        (
            "idlib",
            "Idlib",
            "SY",
            35.9306,
            36.6339,
            "city",
            165_000,
            "r:idlib",
            ("Idleb", "Edlib", "إدلب", "مدينة إدلب"),
        ),
        ("khan", "Khan Shaykhun", "SY", 35.4421, 36.6510, "city", 34_000, "r:idlib", ("Khan Sheikhoun", "خان شيخون")),
        ("saraqib", "Saraqib", "SY", 35.8645, 36.8059, "city", 33_000, "r:idlib", ("Saraqeb", "سراقب")),
        (
            "maarra",
            "Maarrat al-Numan",
            "SY",
            35.6483,
            36.6769,
            "city",
            58_000,
            "r:idlib",
            ("Maaret al-Numan", "معرة النعمان"),
        ),
        ("ariha", "Ariha", "SY", 35.8137, 36.6096, "city", 40_000, "r:idlib", ("أريحا",)),
        ("kafrnabl", "Kafr Nabl", "SY", 35.6138, 36.5645, "city", 15_000, "r:idlib", ("Kafranbel", "كفرنبل")),
        ("muhambal", "Muhambal", "SY", 35.7874, 36.4721, "village", 5_000, "r:idlib", ("Mhambel", "محمبل")),
        ("basanqul", "Basanqul", "SY", 35.8083, 36.4989, "village", 3_000, "r:idlib", ("بسنقول",)),
        (
            "janudiyah",
            "al-Janudiyah",
            "SY",
            35.8761,
            36.3044,
            "village",
            4_000,
            "r:idlib",
            ("Al-Janoudiya", "الجانودية"),
        ),
        ("inab", "Inab", "SY", 35.7330, 36.4449, "village", 2_000, "r:idlib", ("إنب",)),
        ("sarmin", "Sarmin", "SY", 35.9033, 36.7256, "city", 14_000, "r:idlib", ("سرمين",)),
        ("binnish", "Binnish", "SY", 35.9556, 36.7142, "city", 21_000, "r:idlib", ("بنش",)),
        ("aleppo", "Aleppo", "SY", 36.2012, 37.1612, "city", 2_100_000, "r:aleppo", ("Halab", "حلب")),
        ("hama", "Hama", "SY", 35.1318, 36.7578, "city", 460_000, "r:hama", ("Hamah", "حماة")),
        ("kafrzita", "Kafr Zita", "SY", 35.3736, 36.6017, "city", 17_000, "r:hama", ("Kafr Zayta", "كفرزيتا")),
        ("latamna", "al-Latamna", "SY", 35.3219, 36.6225, "city", 16_000, "r:hama", ("Al-Lataminah", "اللطامنة")),
        ("latakia", "Latakia", "SY", 35.5196, 35.7915, "city", 340_000, "r:latakia", ("اللاذقية",)),
        (
            "hmeimim",
            "Hmeimim Air Base",
            "SY",
            35.4008,
            35.9486,
            "site",
            0,
            "r:latakia",
            ("Hmeimim", "Khmeimim", "حميميم"),
        ),
        ("damascus", "Damascus", "SY", 33.5102, 36.2913, "city", 1_600_000, "c:SY", ("دمشق", "Дамаск")),
        ("douma", "Douma", "SY", 33.5711, 36.4026, "city", 110_000, "c:SY", ("دوما",)),
        ("raqqa", "Raqqa", "SY", 35.9528, 39.0079, "city", 220_000, "c:SY", ("Ar-Raqqah", "الرقة")),
        ("moscow", "Moscow", "RU", 55.7522, 37.6156, "city", 10_400_000, "c:RU", ("موسكو", "Москва")),
        ("kyiv", "Kyiv", "UA", 50.4547, 30.5238, "city", 2_900_000, "c:UA", ("Kiev", "كييف", "Київ", "Киев")),
        ("kharkiv", "Kharkiv", "UA", 49.9808, 36.2527, "city", 1_430_000, "r:kharkiv", ("Харків", "Харьков", "خاركيف")),
        ("bakhmut", "Bakhmut", "UA", 48.5953, 38.0000, "city", 72_000, "r:donetsk", ("Бахмут",)),
        ("donetsk", "Donetsk", "UA", 48.0230, 37.8022, "city", 900_000, "r:donetsk", ("Донецьк", "Донецк")),
        ("ankara", "Ankara", "TR", 39.9199, 32.8543, "city", 3_500_000, "c:TR", ("أنقرة",)),
        ("washington", "Washington", "US", 38.8951, -77.0364, "city", 600_000, "c:US", ("واشنطن", "Washington DC")),
        ("tehran", "Tehran", "IR", 35.6944, 51.4215, "city", 7_200_000, "c:IR", ("طهران",)),
        ("gaza", "Gaza", "PS", 31.5016, 34.4668, "city", 410_000, "c:PS", ("Gaza City", "غزة")),
        ("rafah", "Rafah", "PS", 31.2872, 34.2595, "city", 126_000, "c:PS", ("رفح",)),
        ("jericho", "Jericho", "PS", 31.8667, 35.4500, "city", 20_000, "c:PS", ("Ariha", "أريحا")),
        ("beirut", "Beirut", "LB", 33.8933, 35.5016, "city", 1_900_000, "c:LB", ("بيروت",)),
        ("mosul", "Mosul", "IQ", 36.3350, 43.1189, "city", 1_700_000, "c:IQ", ("الموصل",)),
        ("sanaa", "Sanaa", "YE", 15.3547, 44.2067, "city", 1_900_000, "c:YE", ("Sana'a", "صنعاء")),
        ("khartoum", "Khartoum", "SD", 15.5518, 32.5324, "city", 1_970_000, "c:SD", ("الخرطوم",)),
        ("tripoli-lb", "Tripoli", "LB", 34.4367, 35.8497, "city", 229_000, "c:LB", ("طرابلس",)),
    )
    capitals = {"damascus", "moscow", "kyiv", "ankara", "washington", "tehran", "beirut", "sanaa", "khartoum"}
    return [
        PlaceRow(
            f"p:{key}",
            name,
            code,
            lat,
            lon,
            level,
            people,
            None,
            names,
            (parent, f"c:{code}") if parent[0] == "r" else (parent,),
            capital=key in capitals,
        )
        for key, name, code, lat, lon, level, people, parent, names in table
    ]
