"""What numba compiles: functions of arrays and numbers, without the lock, kept compiled on disk."""
