// The shop in its frame: loading it, and saying what became of the visitor.

import {byId, set, mark} from './text.js';
import {visit} from './replicas.js';

const hint = 'Sign in, fill a cart, then kill a replica: are you still signed in?';
let run = 0, ready = false, user = '', last = '';
let answered = false; // the frame itself has told which replica it was

export function startShop() {
	byId('frame').addEventListener('load', loaded);
	byId('reload').addEventListener('click', reload);
}

// showShop loads the shop when there is one to answer, and again when
// everything has begun again.
export function showShop(s) {
	const up = s.phase !== 'starting';
	if (s.run !== run) {
		run = s.run;
		ready = false;
		user = '';
		say('', hint);
	}
	if (up && !ready) {
		ready = true;
		byId('frame').src = '/shop/';
	}
	if (!answered && s.shop.instance !== last) {
		last = s.shop.instance;
		visit(last);
	}
}

function reload() {
	const frame = byId('frame');
	try {
		frame.contentWindow.location.reload();
	} catch {
		frame.src = '/shop/'; // what is in there is not ours to touch: an error page of the browser
	}
}

function loaded() {
	const page = inside();
	if (!page || page.location.href === 'about:blank') return;
	const status = page.defaultView.performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0;
	if (status >= 500) {
		if (answered) say('bad', 'The shop could not answer your last click.');
		else setTimeout(reload, 1500); // nobody has clicked yet
		return;
	}
	const instance = page.getElementById('instance')?.textContent ?? '';
	if (instance) {
		answered = true;
		visit(instance);
	}
	const now = page.getElementById('user')?.textContent ?? '';
	const by = instance ? ` ${instance} answered.` : '';
	if (now) say('good', `Signed in as ${now}.${by}`);
	else if (user) say('bad', `You are no longer signed in.${by}`);
	else say('', by ? by.trim() + ' ' + hint : hint);
	user = now;
}

// inside is the frame's document; null when the browser shows an error of its
// own there.
function inside() {
	try {
		return byId('frame').contentDocument;
	} catch {
		return null;
	}
}

function say(is, text) {
	set(byId('visitor'), text);
	mark(byId('visitor'), 'is', is);
}
