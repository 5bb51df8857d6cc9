"""For the library itself: arguments, arrays, files, seeds, threads, where the project lies."""
