<?php
// The probe for Laravel 11: require it at the end of routes/web.php, so that it has
// the session of the application. Off without a secret of at least 24 bytes.
use Illuminate\Foundation\Http\Middleware\ValidateCsrfToken;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Log;
use Illuminate\Support\Facades\Route;

$secret = (string) getenv('EVENKEEL_PROBE_SECRET');
$instance = (string) (getenv('INSTANCE') ?: gethostname());
if (strlen($secret) < 24) {
    return;
}

// $call answers what $f returns as JSON, to whoever knows the secret.
$call = fn (callable $f, bool $anonymous = false) => function (Request $r) use ($f, $anonymous, $secret, $instance) {
    $given = (string) $r->header('X-Evenkeel-Probe');
    abort_if($given === '', 404);
    abort_unless(hash_equals($secret, $given), 403);
    $user = (string) $r->session()->get('drill');
    $user = str_starts_with($user, 'drill:') ? substr($user, 6) : '';
    $answer = $user !== '' || $anonymous ? $f($r, $user) : response()->json((object) [], 401);
    if (is_array($answer) || $answer === null) {
        $answer = response()->json((object) ($answer ?? []));
    }
    $answer->headers->set('X-Instance', $instance);
    return $answer;
};

Route::prefix('probe')->withoutMiddleware(ValidateCsrfToken::class)->group(function () use ($call, $instance) {
    Route::post('login', $call(function (Request $r) {
        abort_if($r->user() !== null, 403); // somebody who is no drill user
        Log::warning('the probe is on: drill users can sign in without a password');
        $r->session()->invalidate();
        $r->session()->put('drill', 'drill:' . $r->query('u'));
    }, true));
    Route::post('append', $call(fn (Request $r) => $r->session()->push('lists.' . $r->query('k'), $r->query('t'))));
    Route::get('state', $call(fn (Request $r, string $user) => [
        'u' => $user, 't' => array_merge(...array_values($r->session()->get('lists', []))),
        'n' => (int) $r->session()->get('n', 0), 'i' => $instance,
    ]));
    Route::post('incr', $call(fn (Request $r) => ['n' => $r->session()->increment('n')]));
    Route::post('rotate', $call(function (Request $r) { $r->session()->regenerate(true); }));
    Route::post('logout', $call(function (Request $r, string $user) { $user === '' || $r->session()->invalidate(); }, true));
    Route::get('slow', $call(function (Request $r) { usleep(1000 * min((int) $r->query('ms'), 30000)); }, true));
    Route::get('stream', $call(fn (Request $r, string $user) => response()->stream(function () use ($r, $user, $instance) {
        for ($id = (int) $r->header('Last-Event-ID') + 1; !connection_aborted(); $id++) {
            echo "id: $id\ndata: " . json_encode(['u' => $user, 'i' => $instance]) . "\n\n";
            if (ob_get_level() > 0) ob_flush();
            flush();
            usleep(100000);
        }
    }, 200, ['Content-Type' => 'text/event-stream', 'X-Accel-Buffering' => 'no'])));
});
