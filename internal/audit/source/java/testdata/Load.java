import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Properties;
import java.util.TreeMap;

/** Loads each line of standard input, properties in Base64, and prints them sorted, or "error". */
class Load {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            StringBuilder out = new StringBuilder();
            try {
                Properties p = new Properties();
                p.load(new StringReader(new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8)));
                for (var e : new TreeMap<Object, Object>(p).entrySet()) {
                    out.append(encode(e.getKey())).append('=').append(encode(e.getValue())).append(' ');
                }
            } catch (IllegalArgumentException e) {
                out.append("error ");
            }
            System.out.println(out.toString());
        }
    }

    static String encode(Object text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.toString().getBytes(StandardCharsets.UTF_8));
    }
}
