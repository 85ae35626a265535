// Words and numbers, and putting them on the page. Whatever the server says is
// only ever set as text.

export const byId = id => document.getElementById(id);

const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

export const count = n => whole.format(n);
export const many = (n, one, more) => `${count(n)} ${n === 1 ? one : more}`;

export function clock(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export function millis(ms) {
	if (ms === 0) return '0';
	if (ms >= 1000) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
	return `${ms < 9.95 ? ms.toFixed(1) : whole.format(ms)} ms`;
}

// set changes text only when it differs, so that nothing is laid out again
// for nothing.
export function set(el, text) {
	if (el.textContent !== text) el.textContent = text;
}

export function mark(el, name, value) {
	if (el.dataset[name] !== value) el.dataset[name] = value;
}

export function make(tag, className, ...children) {
	const el = document.createElement(tag);
	if (className) el.className = className;
	el.append(...children);
	return el;
}

const svg = 'http://www.w3.org/2000/svg';

export function icon(id) {
	const el = document.createElementNS(svg, 'svg');
	el.setAttribute('aria-hidden', 'true');
	el.append(document.createElementNS(svg, 'use'));
	reicon(el, id);
	return el;
}

export function reicon(el, id) {
	const use = el.firstElementChild;
	if (use.getAttribute('href') !== '#' + id) use.setAttribute('href', '#' + id);
}

const kinds = ['scale-out', 'scale-in', 'kill', 'rolling-restart'];

export const kindIcon = kind => 'i-' + (kinds.includes(kind) ? kind : 'other');
