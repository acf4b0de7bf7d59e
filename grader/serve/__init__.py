"""Serve a contest to browsers and programs: take files, give receipts, show pages.

Begin with `app.py`, which joins the table of who sees what (`access.py`) with what answers. This process knows neither
secrets nor answers: it reads the contest's database and `public/`, and workers grade in processes of their own.
"""
