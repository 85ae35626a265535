// The connection to the server: messages in, and what to say when it breaks.

// watch calls onMessage for each message and onLine with "live", "lost",
// "full" or "ended". A hidden page is not connected; when it is looked at
// again, the first message brings everything.
export function watch(onMessage, onLine) {
	let source = null, again = 0, ended = false;

	function open() {
		close();
		if (document.hidden) return;
		source = new EventSource('/api/events');
		source.onmessage = e => {
			ended = false;
			onLine('live');
			onMessage(JSON.parse(e.data));
		};
		source.addEventListener('end', () => {
			ended = true;
			onLine('ended');
			retry(3000);
		});
		source.onerror = () => {
			if (!ended) onLine('lost');
			// The browser tries again by itself, unless it was refused.
			if (source.readyState === EventSource.CLOSED) refused();
		};
	}

	function close() {
		clearTimeout(again);
		if (source) source.close();
		source = null;
	}

	function retry(ms) {
		close();
		again = setTimeout(open, ms);
	}

	// refused finds out why: a server that answers, but not with a stream, has
	// too many viewers.
	async function refused() {
		retry(3000);
		try {
			const answer = await fetch('/api/state', {cache: 'no-store'});
			if (answer.ok) onLine('full');
		} catch {
			// It does not answer at all, which has been said.
		}
	}

	document.addEventListener('visibilitychange', () => document.hidden ? close() : open());
	open();
}

// post sends body to the API and returns {ok, status, body}. When nobody
// answers, status is 0.
export async function post(path, body) {
	try {
		const answer = await fetch(path, {
			method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
		});
		return {ok: answer.ok, status: answer.status, body: await answer.json()};
	} catch {
		return {ok: false, status: 0, body: {error: 'the demo does not answer'}};
	}
}
