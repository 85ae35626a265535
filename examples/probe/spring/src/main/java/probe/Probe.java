package probe;
import jakarta.servlet.http.*;
import java.security.MessageDigest;
import java.util.*;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.http.*;
import org.springframework.web.bind.annotation.*;
import org.springframework.web.server.ResponseStatusException;

/** The probe for Spring: on with a secret of at least 24 bytes in EVENKEEL_PROBE_SECRET. */
@RestController @RequestMapping("/probe")
@ConditionalOnExpression("'${EVENKEEL_PROBE_SECRET:}'.getBytes().length >= 24")
class Probe {
    private final byte[] secret = System.getenv("EVENKEEL_PROBE_SECRET").getBytes();
    private final String instance = Objects.requireNonNullElse(System.getenv("INSTANCE"), "");
    Probe() { System.err.println("the probe is on: drill users can sign in without a password"); }
    /** The drill user who is signed in, "" for nobody; refused to people and without the secret. */
    @ModelAttribute("user") String user(@RequestHeader(name = "X-Evenkeel-Probe", defaultValue = "") String given,
            HttpServletRequest request, HttpServletResponse response) {
        if (given.isEmpty()) throw new ResponseStatusException(HttpStatus.NOT_FOUND);
        if (!MessageDigest.isEqual(given.getBytes(), secret) || request.getUserPrincipal() != null) throw new ResponseStatusException(HttpStatus.FORBIDDEN);
        response.setHeader("X-Instance", instance);
        HttpSession s = request.getSession(false);
        String user = s == null ? "" : Objects.requireNonNullElse((String) s.getAttribute("user"), "");
        if (!user.startsWith("drill:") && !request.getRequestURI().matches(".*/(login|logout|slow)")) throw new ResponseStatusException(HttpStatus.UNAUTHORIZED);
        return user.startsWith("drill:") ? user.substring(6) : "";
    }
    @PostMapping("/login") Map<String, Object> login(@RequestParam String u, HttpServletRequest r) {
        logout(r);
        r.getSession(true).setAttribute("user", "drill:" + u); return Map.of();
    }
    @PostMapping("/append") Map<String, Object> append(@RequestParam String k, @RequestParam String t, HttpSession s) {
        List<Object> list = new ArrayList<>(Objects.requireNonNullElse((List<?>) s.getAttribute("list:" + k), List.of()));
        list.add(t);
        s.setAttribute("list:" + k, list);
        return Map.of();
    }
    @GetMapping("/state") Map<String, Object> state(@ModelAttribute("user") String user, HttpSession s) {
        List<Object> all = new ArrayList<>();
        s.getAttributeNames().asIterator().forEachRemaining(n -> { if (n.startsWith("list:")) all.addAll((List<?>) s.getAttribute(n)); });
        return Map.of("u", user, "t", all, "n", Objects.requireNonNullElse(s.getAttribute("n"), 0), "i", instance);
    }
    @PostMapping("/incr") Map<String, Object> incr(HttpSession s) {
        int n = (int) Objects.requireNonNullElse(s.getAttribute("n"), 0) + 1;
        s.setAttribute("n", n);
        return Map.of("n", n);
    }
    @PostMapping("/rotate") Map<String, Object> rotate(HttpServletRequest r) { r.changeSessionId(); return Map.of(); }
    @PostMapping("/logout") Map<String, Object> logout(HttpServletRequest r) {
        if (r.getSession(false) != null) r.getSession().invalidate();
        return Map.of();
    }
    @GetMapping("/slow") Map<String, Object> slow(@RequestParam long ms) throws InterruptedException { Thread.sleep(Math.min(ms, 30000)); return Map.of(); }
    @GetMapping("/stream") void stream(@ModelAttribute("user") String user, @RequestHeader(name = "Last-Event-ID", defaultValue = "0") long id, HttpServletResponse w) throws Exception {
        for (w.setContentType("text/event-stream"); ; Thread.sleep(100)) {
            w.getWriter().printf("id: %d\ndata: {\"u\":\"%s\",\"i\":\"%s\"}\n\n", ++id, user, instance);
            w.flushBuffer();
        }
    }
}
