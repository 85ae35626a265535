// The page: each message goes to all its parts.

import {watch} from './stream.js';
import {showState, showLine} from './figures.js';
import {showReplicas} from './replicas.js';
import {startControls, showControls} from './controls.js';
import {startShop, showShop} from './shop.js';
import {showEvents} from './events.js';
import {startCharts, addPoints, drawCharts} from './charts.js';

startControls();
startShop();
startCharts();

// Messages that come faster than the screen is drawn are drawn once.
let newest = null;

watch(message => {
	addPoints(message);
	if (!newest) requestAnimationFrame(draw);
	newest = message.state;
}, showLine);

function draw() {
	const s = newest;
	newest = null;
	showState(s);
	showReplicas(s);
	showControls(s);
	showShop(s);
	showEvents(s);
	drawCharts(s);
}
