// Lucene Monitor on the same rules and posts as benchmarks/rules.py: reads both, says how long a post takes and what matched.
//
// Rules come one a line in prefix form: W word | P n words | N node | A n nodes | O n nodes. Posts are words with spaces.

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.Term;
import org.apache.lucene.monitor.Monitor;
import org.apache.lucene.monitor.MonitorQuery;
import org.apache.lucene.monitor.MultipassTermFilteredPresearcher;
import org.apache.lucene.monitor.Presearcher;
import org.apache.lucene.monitor.QueryMatch;
import org.apache.lucene.monitor.TermFilteredPresearcher;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.MatchAllDocsQuery;
import org.apache.lucene.search.PhraseQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.TermQuery;

public class MonitorPeer {
    private static String[] words;
    private static int at;

    public static void main(String[] args) throws Exception {
        List<String> rules = Files.readAllLines(Path.of(args[0]));
        List<String> posts = Files.readAllLines(Path.of(args[1]));
        int repetitions = Integer.parseInt(args[2]);
        List<MonitorQuery> queries = new ArrayList<>();
        for (int number = 0; number < rules.size(); number++) {
            words = rules.get(number).split(" ");
            at = 0;
            queries.add(new MonitorQuery(Integer.toString(number), query()));
        }
        run("TermFiltered", new TermFilteredPresearcher(), queries, posts, repetitions, null);
        run("Multipass3", new MultipassTermFilteredPresearcher(3), queries, posts, repetitions, args[3]);
    }

    private static void run(
            String name, Presearcher presearcher, List<MonitorQuery> queries, List<String> posts, int repetitions, String answers)
            throws Exception {
        try (Monitor monitor = new Monitor(new WhitespaceAnalyzer(), presearcher)) {
            monitor.register(queries);
            StringBuilder best = new StringBuilder("TIME " + name);
            List<String> found = null;
            for (int repetition = 0; repetition < repetitions; repetition++) {
                found = new ArrayList<>();
                long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
                for (String post : posts) {
                    Document document = new Document();
                    document.add(new TextField("t", post, Field.Store.NO));
                    TreeSet<Integer> ids = new TreeSet<>();
                    for (QueryMatch match : monitor.match(document, QueryMatch.SIMPLE_MATCHER).getMatches()) {
                        ids.add(Integer.valueOf(match.getQueryId()));
                    }
                    found.add(ids.toString());
                }
                long used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start;
                best.append(' ').append(used / posts.size());
            }
            System.out.println(best);
            if (answers != null) {
                Files.write(Path.of(answers), found);
            }
        }
    }

    private static Query query() {
        String kind = words[at++];
        switch (kind) {
            case "W":
                return new TermQuery(new Term("t", words[at++]));
            case "P": {
                PhraseQuery.Builder phrase = new PhraseQuery.Builder();
                for (int left = Integer.parseInt(words[at++]); left > 0; left--) {
                    phrase.add(new Term("t", words[at++]));
                }
                return phrase.build();
            }
            case "N":
                return new BooleanQuery.Builder()
                        .add(new MatchAllDocsQuery(), BooleanClause.Occur.MUST)
                        .add(query(), BooleanClause.Occur.MUST_NOT)
                        .build();
            default: {
                BooleanQuery.Builder all = new BooleanQuery.Builder();
                for (int left = Integer.parseInt(words[at++]); left > 0; left--) {
                    if (words[at].equals("N") && kind.equals("A")) {
                        at++;
                        all.add(query(), BooleanClause.Occur.MUST_NOT);
                    } else {
                        all.add(query(), kind.equals("A") ? BooleanClause.Occur.MUST : BooleanClause.Occur.SHOULD);
                    }
                }
                return all.build();
            }
        }
    }
}
