"""Redraw images a little, so that nobody who has the originals can look them up."""

from __future__ import annotations

import numpy as np
from PIL import Image

TURN, SLANT, ZOOM = 0.07, 0.05, 0.04  # at most: radians, pixels a pixel, share
SHIFT, PIXEL_NOISE = 0.5, 8  # pixels at most; standard deviation in gray levels


def redrawn(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return images (n, h, w) uint8, each turned, stretched and shifted a little, with noise in every pixel."""
    centre = (np.array(images.shape[1:]) - 1) / 2
    moved = []
    for image in images:
        turn, slant, zoom = (
            rng.uniform(-TURN, TURN),
            rng.uniform(-SLANT, SLANT),
            rng.uniform(1 - ZOOM, 1 + ZOOM),
        )
        matrix = np.array([[np.cos(turn), slant - np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / zoom
        offset = centre - matrix @ (centre + rng.uniform(-SHIFT, SHIFT, 2))
        rows = np.column_stack([matrix, offset]).ravel().tolist()
        picture = Image.fromarray(image)
        moved.append(
            np.asarray(
                picture.transform(picture.size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR)
            )
        )
    noisy = np.stack(moved) + rng.normal(0, PIXEL_NOISE, images.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)
