"""Publishing: scan reports in, a verdict for each IOC, and a feed of our own out."""
