// What happened, the newest first.

import {byId, set, mark, make, icon, clock, kindIcon} from './text.js';

const items = new Map(); // by ID
let run = 0;

export function showEvents(s) {
	const list = byId('events');
	if (s.run !== run) {
		run = s.run;
		items.clear();
		list.replaceChildren();
	}
	if (s.events.length === 0) {
		if (!list.firstChild) list.append(make('li', 'none', 'Nothing yet.'));
		return;
	}
	if (items.size === 0) list.replaceChildren();
	const named = new Set();
	for (const e of s.events) {
		named.add(e.id);
		if (!items.has(e.id)) {
			const i = {el: make('li'), text: make('span'), now: make('i', '', 'now')};
			mark(i.el, 'kind', e.kind);
			i.el.append(make('time', '', clock(e.at_s)), icon(kindIcon(e.kind)), i.text, i.now);
			items.set(e.id, i);
			list.prepend(i.el);
		}
		const i = items.get(e.id);
		set(i.text, e.text);
		i.now.hidden = e.over;
	}
	for (const [id, i] of items) {
		if (!named.has(id)) {
			i.el.remove();
			items.delete(id);
		}
	}
}
