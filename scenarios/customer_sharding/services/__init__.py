"""The services that the claims are about, as applications and processes, and the programs that use or attack them."""
