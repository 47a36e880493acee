"""How a run of lessons behaves, and how its failures read."""
