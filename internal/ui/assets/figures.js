// How it goes, in words and in large figures, and the top line.

import {byId, set, mark, count, clock, many, reicon} from './text.js';

const phases = {
	starting: '',
	control: 'nothing is done to the replicas yet',
	running: '',
	settling: 'people come to rest, the last things are checked',
	ended: 'this run is over',
};

const lines = {
	live: 'live',
	lost: 'trying again',
	full: 'trying again',
	ended: 'ended',
};

export function showState(s) {
	const starting = s.phase === 'starting';
	mark(document.body, 'phase', s.phase);
	set(byId('phase'), phases[s.phase] ?? s.phase);
	set(byId('clock'), clock(s.elapsed_s) + (s.length_s > 0 ? ' of ' + clock(s.length_s) : ''));
	set(byId('premise'), `${many(s.users, 'person shops', 'people shop')} while replicas, the running copies of the shop, come, go and are killed.`);

	set(byId('way'), s.strategy.name);
	set(byId('sentence'), s.strategy.sentence);
	set(byId('loses'), s.strategy.loses);
	byId('losing').hidden = s.strategy.loses === '';
	set(byId('verdict'), ended(starting ? 'The replicas are starting' : s.verdict));
	mark(byId('story'), 'good', starting ? 'unknown' : s.good ? 'yes' : 'no');
	set(byId('note'), s.note);
	byId('note').hidden = s.note === '';
	byId('facts').hidden = s.note !== ''; // it takes their place, so that nothing moves
	set(byId('signed-in'), count(s.signed_in));
	set(byId('users'), count(s.users));
	set(byId('sent'), count(s.sent));

	figure('lost', s.lost, s.lost > 0 ? 'bad' : 'good', starting);
	figure('undone', s.undone, s.undone > 0 ? 'bad' : 'good', starting);
	figure('failed', s.failed, s.failed > s.at_kills ? 'bad' : s.failed > 0 ? 'some' : 'good', starting);
	set(byId('failed').querySelector('small'), failing(s));
	// All three as large as the longest allows.
	byId('figures').style.setProperty('--digits', count(Math.max(s.lost, s.undone, s.failed)).length);
	document.title = starting ? 'starting · evenkeel' : `${s.good ? '✓' : '✕'} ${s.verdict} · evenkeel`;
	speak(ended(starting ? 'The replicas are starting' : s.verdict), `${s.run} ${s.good} ${starting}`);
}

const ended = text => /[.!?…]$/.test(text) ? text : text + '.';

function failing(s) {
	if (s.at_kills === 0) return 'an error, or no answer at all';
	const where = 'inside a replica at the moment it was killed';
	return s.at_kills === s.failed ? (s.failed === 1 ? where : `all ${where}`) : `${count(s.at_kills)} of them ${where}`;
}

const still = matchMedia('(prefers-reduced-motion: reduce)');

function figure(id, n, is, starting) {
	const el = byId(id), number = el.querySelector('b'), before = number.textContent;
	mark(el, 'is', starting ? 'none' : is);
	set(number, starting ? '–' : count(n));
	if (n > 0 && before !== '–' && before !== number.textContent && !still.matches) {
		number.animate([{transform: 'scale(1.12)'}, {transform: 'none'}], {duration: 350, easing: 'ease-out'});
	}
	reicon(el.querySelector('svg'), 'i-' + is);
}

// Counts change twice a second; who listens hears a changed verdict at once
// when it turns, and else every ten seconds.
const spoken = {text: '', turn: '', at: 0};

function speak(text, turn) {
	const now = Date.now();
	if (text === spoken.text || turn === spoken.turn && now - spoken.at < 10000) return;
	Object.assign(spoken, {text, turn, at: now});
	set(byId('spoken'), text);
}

let lostAt = 0;

export function showLine(line) {
	mark(byId('line'), 'line', line);
	set(byId('line-word'), lines[line]);
	const banner = byId('banner');
	banner.hidden = line === 'live';
	if (line === 'live') {
		lostAt = 0;
		return;
	}
	lostAt = lostAt || Date.now();
	const from = `What you see is from ${new Date(lostAt).toLocaleTimeString()}.`;
	const said = {
		lost: `Connection lost, trying again. ${from}`,
		full: `Too many people are watching at once; trying again. ${from}`,
		ended: `The demo has ended. ${from} If it is started again, this page comes back by itself.`,
	}[line];
	set(banner, said);
	speak(said.split('.')[0] + '.', line);
}
