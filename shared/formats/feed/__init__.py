"""Feed pages and reports: one module per format of pages, and the readers of reports."""
