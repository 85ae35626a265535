// The buttons: things to do to the replicas, and ways to run the shop.

import {byId, set, mark, make, count} from './text.js';
import {post} from './stream.js';

const idle = 'one at a time';
let refusedUntil = 0, full = false, over = false, run = 0, switching = '';

export function startControls() {
	for (const button of document.querySelectorAll('[data-action]')) {
		button.addEventListener('click', () => act(button));
	}
}

async function act(button) {
	if (button.getAttribute('aria-disabled') === 'true') return;
	const answer = await post('/api/do', {action: button.dataset.action});
	if (answer.ok) {
		tell(waiting(answer.body.queued), 'yes');
	} else {
		refuse(answer.status === 429 ? `${count(answer.body.queued)} waiting, no more fit` : `not done: ${answer.body.error}`);
	}
}

const waiting = n => n === 0 ? idle : `${count(n)} waiting`;

function tell(text, is) {
	set(byId('waiting'), text);
	mark(byId('waiting'), 'waiting', is);
}

function refuse(text) {
	refusedUntil = Date.now() + 3000;
	tell(text, 'refused');
}

export function showControls(s) {
	full = s.queue.bound > 0 && s.queue.length >= s.queue.bound;
	over = s.phase === 'settling' || s.phase === 'ended';
	for (const button of document.querySelectorAll('[data-action]')) {
		button.setAttribute('aria-disabled', String(full || over));
	}
	if (Date.now() >= refusedUntil) {
		if (over) tell('this run is over; choose a way to run the shop to begin again', 'no');
		else if (full) tell(`${count(s.queue.length)} waiting, no more fit`, 'yes');
		else tell(waiting(s.queue.length), s.queue.length > 0 ? 'yes' : 'no');
	}
	if (s.run !== run) {
		run = s.run;
		switching = '';
	}
	showWays(s);
}

const ways = new Map(); // by name

function showWays(s) {
	for (const way of s.strategies) {
		if (!ways.has(way.name)) ways.set(way.name, wayButton(way));
		const w = ways.get(way.name);
		set(w.sentence, way.sentence);
		set(w.losing, way.loses);
		w.loses.hidden = way.loses === '';
		const current = way.name === s.strategy.name;
		if (w.button.getAttribute('aria-current') !== String(current)) w.button.setAttribute('aria-current', String(current));
		set(w.now, way.name === switching ? 'starting over…' : current ? 'running now' : '');
	}
	for (const [name, w] of ways) {
		if (!s.strategies.some(x => x.name === name)) {
			w.item.remove();
			ways.delete(name);
		}
	}
}

function wayButton(way) {
	const w = {now: make('i'), sentence: make('span'), losing: make('span'), button: make('button')};
	w.loses = make('span', 'loses', make('b', '', 'Loses: '), w.losing);
	w.losing.style.display = 'inline';
	w.button.type = 'button';
	w.button.append(make('span', 'name', w.now, way.name), w.sentence, w.loses);
	w.button.addEventListener('click', () => choose(way.name, w.button));
	w.item = make('li', '', w.button);
	byId('ways').append(w.item);
	return w;
}

async function choose(name, button) {
	if (switching || button.getAttribute('aria-current') === 'true' && !over) return;
	switching = name;
	const answer = await post('/api/strategy', {strategy: name});
	if (answer.ok) return; // the next run's first message ends it
	switching = '';
	refuse(`not done: ${answer.body.error}`);
}
