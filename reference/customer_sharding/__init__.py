"""Many databases, one for each customer: the right one is found for every request, and customers can move."""
