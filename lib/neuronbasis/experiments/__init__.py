"""The experiments of the chapters: one file an experiment, what decides a claim included."""
