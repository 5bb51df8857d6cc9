"""`python -m neuronbasis` is the same as the command `neuronbasis`."""

from neuronbasis.workflow.cli import main

if __name__ == "__main__":
    main()
