// A colour for each replica, the same on its card and on the charts. A colour
// is given again when its replica is gone, the one that was free for longest
// first, so that what the charts still show of the old one stays apart.

export const slots = 12;

const slotBy = new Map(); // name -> slot
const freed = new Array(slots).fill(0); // when each was last in use, by a counter
let now = 0;

// assign gives colours to the replicas of one moment; it is called for each
// moment, in order.
export function assign(names) {
	now++;
	for (const name of names) {
		if (slotBy.has(name)) freed[slotBy.get(name)] = now;
	}
	for (const name of names) {
		if (slotBy.has(name)) continue;
		const slot = freed.indexOf(Math.min(...freed));
		slotBy.set(name, slot);
		freed[slot] = now;
	}
}

export const slotOf = name => slotBy.get(name) ?? 0;

// restart begins again, so that every run has the same colours.
export function restart() {
	slotBy.clear();
	freed.fill(0);
}

// forget drops the names of all others.
export function forget(kept) {
	for (const name of slotBy.keys()) {
		if (!kept.has(name)) slotBy.delete(name);
	}
}
