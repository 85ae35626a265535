"""The probe for Django: urlpatterns += probe.urls(), with the sessions that are there.
Off without a secret of at least 24 bytes in EVENKEEL_PROBE_SECRET."""
import hmac, json, os, time, warnings

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

SECRET = os.environ.get("EVENKEEL_PROBE_SECRET", "").encode()
INSTANCE = os.environ.get("INSTANCE", "")

def call(method, anonymous, f):
    def view(request):
        given = request.headers.get("X-Evenkeel-Probe", "").encode()
        if not given or request.method != method:
            return HttpResponse(status=404)
        if not hmac.compare_digest(given, SECRET):
            return HttpResponse(status=403)
        user = request.session.get("drill", "").removeprefix("drill:")
        answer = f(request, user) if user or anonymous else JsonResponse({}, status=401)
        if not hasattr(answer, "headers"):
            answer = JsonResponse(answer if isinstance(answer, dict) else {})
        answer.headers["Cache-Control"], answer.headers["X-Instance"] = "no-store", INSTANCE
        return answer
    return csrf_exempt(view)

def login(request, user):
    if "_auth_user_id" in request.session:  # somebody who is no drill user
        return HttpResponse(status=403)
    request.session.flush()
    request.session["drill"] = "drill:" + request.GET["u"]

def append(request, user):
    key = "list:" + request.GET["k"]
    request.session[key] = request.session.get(key, []) + [request.GET["t"]]

def state(request, user):
    tokens = [t for k, v in request.session.items() if k.startswith("list:") for t in v]
    return {"u": user, "t": tokens, "n": request.session.get("n", 0), "i": INSTANCE}

def incr(request, user):
    request.session["n"] = request.session.get("n", 0) + 1
    return {"n": request.session["n"]}

def stream(request, user):
    def events(n=int(request.headers.get("Last-Event-ID", 0))):
        while n := n + 1:
            yield f"id: {n}\ndata: {json.dumps({'u': user, 'i': INSTANCE})}\n\n"
            time.sleep(0.1)
    return StreamingHttpResponse(events(), content_type="text/event-stream")

def urls():
    if len(SECRET) < 24:
        return []
    warnings.warn("the probe is on: drill users can sign in without a password")
    calls = [("login", "POST", True, login), ("append", "POST", False, append), ("state", "GET", False, state),
             ("incr", "POST", False, incr), ("rotate", "POST", False, lambda r, u: r.session.cycle_key()),
             ("logout", "POST", True, lambda r, u: r.session.flush() if u else None), ("stream", "GET", False, stream),
             ("slow", "GET", True, lambda r, u: time.sleep(min(int(r.GET["ms"]), 30000) / 1000))]
    return [path("probe/" + name, call(method, anonymous, f)) for name, method, anonymous, f in calls]
