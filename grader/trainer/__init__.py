"""Run a rebuilt notebook: papermill engine, warm kernels, and the trainer's end of the boundary.

The trainer's process imports `binding` from here, so this file imports nothing.
"""
