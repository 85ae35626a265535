// Colours from the style sheet, and what is painted over a chart.

let style = getComputedStyle(document.documentElement);

// theme is the value of a colour now.
export const theme = name => style.getPropertyValue('--' + name).trim();

export function onTheme(changed) {
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
		style = getComputedStyle(document.documentElement);
		changed();
	});
}

const signs = {'scale-out': '+', 'scale-in': '−', kill: '✕', 'rolling-restart': '↻'};

// eventsPlugin draws a thin line, with its sign, where something was done.
export function eventsPlugin(events) {
	return {hooks: {draw: u => {
		const {ctx, bbox} = u, dot = devicePixelRatio;
		ctx.save();
		ctx.lineWidth = dot;
		ctx.textAlign = 'center';
		ctx.font = `${11 * dot}px system-ui, sans-serif`;
		let free = -Infinity; // where the next sign may stand
		for (const e of events()) {
			if (e.at_s < u.scales.x.min || e.at_s > u.scales.x.max) continue;
			const x = Math.round(u.valToPos(e.at_s, 'x', true));
			ctx.strokeStyle = ctx.fillStyle = e.kind === 'kill' ? theme('bad') : theme('soft');
			ctx.setLineDash([2 * dot, 3 * dot]);
			ctx.beginPath();
			ctx.moveTo(x, bbox.top + 2 * dot);
			ctx.lineTo(x, bbox.top + bbox.height);
			ctx.stroke();
			if (x < Math.max(free, bbox.left + 8 * dot)) continue;
			free = x + 12 * dot;
			ctx.fillText(signs[e.kind] ?? '•', x, bbox.top - dot);
		}
		ctx.restore();
	}}};
}

// failuresPlugin draws a red bar, with the number over it, where requests
// failed.
export function failuresPlugin(points) {
	return {hooks: {draw: u => {
		const {ctx, bbox} = u, dot = devicePixelRatio, bottom = bbox.top + bbox.height;
		ctx.save();
		ctx.fillStyle = theme('bad');
		ctx.strokeStyle = theme('card'); // around the numbers
		ctx.lineWidth = 4 * dot;
		ctx.lineJoin = 'round';
		ctx.textAlign = 'center';
		ctx.font = `600 ${11 * dot}px system-ui, sans-serif`;
		let free = -Infinity; // where the next number may stand
		for (const p of points()) {
			if (p.failed <= 0 || p.t < u.scales.x.min) continue;
			const x = u.valToPos(p.t, 'x', true);
			ctx.fillRect(x - 1.5 * dot, bottom - 16 * dot, 3 * dot, 16 * dot);
			const text = String(p.failed), half = ctx.measureText(text).width / 2 + 2 * dot;
			if (x - half < free) continue;
			free = x + half;
			ctx.strokeText(text, x, bottom - 19 * dot);
			ctx.fillText(text, x, bottom - 19 * dot);
		}
		ctx.restore();
	}}};
}
