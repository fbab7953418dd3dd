"""The desk's page: static files of our own, nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(str(files("app"))) / "web"


def add_page(app: FastAPI, *, demo: bool) -> None:
    """Serve the page at `/` and its files under `/web/`. In a demo the page says so before any script has run."""
    text = (FOLDER / "index.html").read_text(encoding="utf-8")
    page = (
        text.replace("<title>", "<title>DEMO · ").replace(' id="demo" hidden', ' id="demo"') if demo else text
    ).encode()

    async def index(request: Request) -> Response:
        del request
        return Response(page, media_type="text/html; charset=utf-8", headers={"cache-control": "no-cache"})

    app.add_api_route("/", index, methods=["GET"], include_in_schema=False)
    app.mount("/web", StaticFiles(directory=FOLDER), name="web")
