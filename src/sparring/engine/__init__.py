"""The game itself: players, rounds, the loop, and everything needed to stop and go on."""
