"""The export function writes all IOCs as files for other tools, on a timer."""
