"""What tests ask of meshes."""

from __future__ import annotations

import numpy as np

from drivesim.town.meshes import Mesh


def extents(mesh: Mesh) -> np.ndarray:
    """Length, width and height (3,), m."""
    return mesh.points.max(0) - mesh.points.min(0)


def outward_share(mesh: Mesh) -> float:
    """The share of triangles whose winding agrees with their stored normals."""
    return float((np.einsum("nc,nc->n", normals(mesh), mesh.normals[mesh.faces].mean(1)) > -1e-9).mean())


def normals(mesh: Mesh) -> np.ndarray:
    """The normals (m, 3) of the triangles by their winding, as long as twice their areas."""
    a, b, c = (mesh.points[mesh.faces[:, i]].astype(float) for i in range(3))
    return np.cross(b - a, c - a)


def volume(mesh: Mesh) -> float:
    """What a closed mesh encloses; negative if it is inside out."""
    return float(np.einsum("nc,nc->", mesh.points[mesh.faces[:, 0]], normals(mesh)) / 6)


def met(mesh: Mesh, start: tuple, way: tuple) -> np.ndarray:
    """For every triangle that a ray from ``start`` along ``way`` meets: +1 from its front, -1 from its back."""
    a = mesh.points[mesh.faces[:, 0]].astype(float)
    first, second = (mesh.points[mesh.faces[:, i]] - a for i in (1, 2))
    found = []
    for corner, u, v, normal in zip(a, first, second, normals(mesh), strict=True):
        if abs(normal @ way) < 1e-12:
            continue
        share = np.linalg.solve(np.stack([u, v, -np.asarray(way, float)], 1), np.asarray(start, float) - corner)
        if share[2] > 0 and share[0] >= 0 and share[1] >= 0 and share[0] + share[1] <= 1:
            found.append(-np.sign(normal @ way))
    return np.array(found)
