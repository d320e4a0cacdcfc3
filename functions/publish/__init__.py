"""The publish function takes scan reports, decides a verdict for each IOC and writes the feed."""
