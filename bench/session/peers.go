package main

import "slices"

// peers are those that are compared, in the order of the tables.
var peers = slices.Concat(scsPeers, gorillaPeers, []library{fiberPeer}, evenkeelPeers)
