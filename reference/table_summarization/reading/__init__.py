"""Reading: opens whatever holds a table (files, frames, warehouses), and counts its distinct rows where it is held."""
