"""The compiled engine; its sources stand in src/bpcore/_core."""
