"""Modules that speak as other libraries do, over weft.Node.  Nothing of them is imported by `import weft`."""
