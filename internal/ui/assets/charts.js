// The charts of the last minute.

import {byId, set, mark, count, millis, clock} from './text.js';
import {slots, slotOf, assign, forget, restart} from './slots.js';
import {theme, onTheme, eventsPlugin, failuresPlugin} from './paint.js';

const most = 120; // points
const seconds = 60;

let points = [], run = 0, per = 'rps', events = [];
const charts = [];

// addPoints takes a message's points: all of them, or those since the last.
export function addPoints({all, points: news, state}) {
	if (all || state.run !== run) points = [];
	if (state.run !== run) restart();
	run = state.run;
	for (const p of news) assign(p.replicas.map(r => r.name));
	assign(state.replicas.map(r => r.name));
	points = points.concat(news).slice(-most);
	const shown = new Set();
	for (const p of points) for (const r of p.replicas) shown.add(r.name);
	forget(shown);
}

export function startCharts() {
	for (const input of document.querySelectorAll('[name=per]')) {
		input.addEventListener('change', () => {
			per = input.value;
			redraw();
		});
	}
	const build = () => {
		for (const c of charts.splice(0)) c.destroy();
		charts.push(chart('requests', [line('total', true)], [failuresPlugin(() => points), eventsPlugin(() => events)], count));
		charts.push(chart('time', [line('half', true), line('most')], [eventsPlugin(() => events)], millis));
		charts.push(chart('replicas', Array.from({length: slots}, (_, i) => layer(slots - 1 - i)), [eventsPlugin(() => events)], count));
		redraw();
	};
	build();
	onTheme(build);
}

export function drawCharts(s) {
	events = s.events;
	const last = points.at(-1);
	key('requests', 'total', last ? count(last.rps) : '–');
	key('requests', 'failed', last ? count(points.reduce((n, p) => n + p.failed, 0)) : '–');
	key('time', 'half', last ? millis(last.p50_ms) : '–');
	key('time', 'most', last ? millis(last.p99_ms) : '–');
	const tied = points.some(p => p.replicas.some(r => r.bound > 0));
	mark(byId('per'), 'choices', tied ? 'two' : 'one');
	if (!tied && per === 'bound') {
		per = 'rps';
		document.querySelector('[name=per][value=rps]').checked = true;
	}
	redraw();
}

function key(id, name, value) {
	set(byId('chart-' + id).querySelector(`[data-key=${name}] b`), value);
}

function redraw() {
	if (charts.length === 0) return;
	const t = points.map(p => p.t), end = Math.max(seconds, t.at(-1) ?? 0);
	const data = [
		[t, points.map(p => p.rps)],
		[t, points.map(p => p.p50_ms), points.map(p => p.p99_ms)],
		[t, ...stack()],
	];
	charts.forEach((c, i) => c.show(data[i], {min: end - seconds, max: end}));
}

// stack sums up the replicas by colour, the highest sum first: each layer is
// painted over the one before.
function stack() {
	const layers = Array.from({length: slots}, () => new Array(points.length).fill(null));
	points.forEach((p, i) => {
		const own = new Array(slots).fill(0);
		for (const r of p.replicas) own[slotOf(r.name)] += per === 'bound' ? r.bound : r.rps;
		let sum = 0;
		for (let k = 0; k < slots; k++) {
			sum += own[k];
			layers[k][i] = own[k] > 0 ? sum : null;
		}
	});
	return layers.reverse();
}

function line(name, filled) {
	return () => ({stroke: theme(name), width: 2, fill: filled ? theme(name) + '22' : undefined, points: {show: false}});
}

function layer(slot) {
	return () => ({stroke: theme('card'), width: 1, fill: theme('r' + slot), points: {show: false}});
}

function chart(id, series, plugins, write) {
	const box = byId('chart-' + id).querySelector('.plot');
	const axis = {stroke: theme('soft'), font: '12px system-ui, sans-serif', ticks: {show: false}, grid: {stroke: theme('hair'), width: 1}};
	const u = new uPlot({
		...room(box),
		padding: [12, 18, 0, 0],
		legend: {show: false},
		cursor: {show: false},
		select: {show: false},
		scales: {
			x: {time: false},
			y: {range: (_, __, max) => [0, ceiling(max)]},
		},
		axes: [
			{...axis, size: 24, gap: 4, splits: (_, __, min, max) => every(15, min, max), values: (_, all) => all.map(clock), grid: {show: false}},
			{...axis, size: 52, gap: 4, splits: (_, __, ___, max) => [0, max / 2, max], values: (_, all) => all.map(v => write(v))},
		],
		series: [{}, ...series.map(make => ({...make(), spanGaps: false}))],
		plugins,
	}, [[], ...series.map(() => [])], box);
	const watcher = new ResizeObserver(() => u.setSize(room(box)));
	watcher.observe(box);
	return {
		show: (data, x) => u.batch(() => {
			u.setData(data, false);
			u.setScale('x', x);
		}),
		destroy: () => {
			watcher.disconnect();
			u.destroy();
		},
	};
}

const room = box => ({width: Math.max(80, box.clientWidth), height: Math.max(60, box.clientHeight)});

function every(step, min, max) {
	const out = [];
	for (let v = Math.ceil(min / step) * step; v <= max; v += step) out.push(v);
	return out;
}

// ceiling is the next round number, so that the scale changes seldom.
function ceiling(max) {
	if (!(max > 0)) return 10;
	const unit = 10 ** Math.floor(Math.log10(max));
	return unit * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find(x => x * unit >= max * 1.02 || x === 10);
}
