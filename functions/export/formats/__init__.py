"""Formats of exports that only the export function writes."""
