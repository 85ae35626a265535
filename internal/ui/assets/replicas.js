// The replicas: a card each, kept while it lives and for a moment after.

import {byId, set, mark, make, icon, reicon, count, many} from './text.js';
import {slotOf} from './slots.js';

const words = {starting: 'starting', serving: 'serving', draining: 'finishing', killed: 'killed', gone: 'gone'};
const ghostFor = 3000; // ms that a gone replica stays on the page,
const room = 8; // as long as there are no more cards than that

const cards = new Map(); // by name
let run = 0, visited = '', tallest = 0;

export function showReplicas(s) {
	const list = byId('replicas');
	if (s.run !== run) {
		run = s.run;
		list.replaceChildren();
		cards.clear();
	}
	const now = Date.now();
	const named = new Set(s.replicas.map(r => r.name));
	for (const r of s.replicas) {
		if (!cards.has(r.name)) cards.set(r.name, card(list, r.name));
		update(cards.get(r.name), r);
	}
	for (const [name, c] of cards) {
		if (named.has(name)) {
			c.goneAt = 0;
			continue;
		}
		c.goneAt = c.goneAt || now;
		if (now - c.goneAt > ghostFor || cards.size > room) {
			c.el.remove();
			cards.delete(name);
		} else {
			leave(c);
		}
	}
	const serving = s.replicas.filter(r => r.state === 'serving').length;
	set(byId('replica-count'), `copies of the shop; ${count(serving)} serving`);
	reserve(list);
}

// visit marks the replica that answered the visitor.
export function visit(name) {
	visited = name;
	for (const [n, c] of cards) c.you.hidden = n !== visited;
}

function card(list, name) {
	const c = {
		el: make('li', 'replica'), you: make('span', 'you', 'you'), icon: icon('s-starting'), word: make('span'),
		load: make('p', 'load'), rate: make('b'), running: make('b'), runningWord: make('span'), holds: make('p', 'holds'), goneAt: 0,
	};
	c.you.title = 'answered your last click in the shop';
	c.you.hidden = name !== visited;
	c.load.append(c.rate, '/s · ', c.running, c.runningWord);
	c.el.append(make('p', 'name', make('span', '', name), c.you), make('p', 'state', c.icon, c.word), c.load, c.holds);
	c.el.style.setProperty('--slot', `var(--r${slotOf(name)})`);
	// In the order of the numbers in the names, not in that of arrival.
	const after = [...cards].filter(([n]) => compare(n, name) < 0).length;
	list.insertBefore(c.el, list.children[after] ?? null);
	return c;
}

const compare = (a, b) => a.length - b.length || (a < b ? -1 : 1);

function update(c, r) {
	mark(c.el, 'state', r.state);
	reicon(c.icon, 's-' + (words[r.state] ? r.state : 'gone'));
	set(c.word, words[r.state] ?? r.state);
	c.load.hidden = r.state !== 'starting' && r.state !== 'serving'; // what holds a draining one is said instead
	set(c.rate, count(r.rps));
	set(c.running, count(r.in_flight));
	set(c.runningWord, ' running');
	set(c.holds, holding(r));
}

function holding(r) {
	if (r.state === 'draining') {
		if (r.holds) return r.holds;
		const held = [];
		if (r.in_flight > 0) held.push(many(r.in_flight, 'request', 'requests'));
		if (r.streams > 0) held.push(many(r.streams, 'open stream', 'open streams'));
		if (r.bound > 0 && held.length === 0) held.push(many(r.bound, 'person', 'people') + ' tied to it');
		return held.length ? 'held by ' + held.join(', ') : 'nothing holds it';
	}
	if (r.state === 'killed') return 'without warning';
	if (r.state === 'serving' && r.bound > 0) return `${count(r.bound)} people tied`;
	if (r.state === 'serving' && r.streams > 0) return many(r.streams, 'open stream', 'open streams');
	return '';
}

function leave(c) {
	if (c.el.dataset.state === 'gone') return;
	const killed = c.el.dataset.state === 'killed';
	mark(c.el, 'state', 'gone');
	reicon(c.icon, 's-gone');
	set(c.word, 'gone');
	c.load.hidden = true;
	set(c.holds, killed ? 'killed' : 'left in order');
}

// reserve keeps the room of the most cards there were, so that what is below
// does not jump. The layout is read only when there are more than ever.
function reserve(list) {
	if (cards.size <= tallest) return;
	tallest = cards.size;
	list.style.minHeight = '';
	list.style.minHeight = list.offsetHeight + 'px';
}

addEventListener('resize', () => {
	tallest = 0;
	byId('replicas').style.minHeight = '';
});
