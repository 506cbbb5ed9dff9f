"""Reading: open files, frames and warehouses, and count a table's distinct rows where it is stored."""
