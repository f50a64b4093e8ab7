"""The rasteriser: Panda3D's software renderer behind two small classes, `Canvas` and `Batch`.

Nothing but triangles with a colour per vertex (and a texture that multiplies it) reaches the engine; light and haze
are already in the colours. Everything is given in the ego frame, in which the camera stands still.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from scenarios.facts import Camera

NEAR, FAR = 0.4, 900.0  # metres
SAMPLE_SHIFT = (
    0.25  # px by which the rasteriser draws too far up and left (measured: mean offset of the edges of 200 cubes)
)
core.load_prc_file_data(
    "drivesim",
    "load-display p3tinydisplay\nwindow-type offscreen\naudio-library-name null\n"
    # it tries X11 first, where $DISPLAY names a server, and would complain if there is none
    "notify-level-display error\nnotify-level-x11display fatal",
)


@dataclass(frozen=True, slots=True)
class Layer:
    """How a batch is drawn.

    ``order``: smaller is drawn first. ``depth``: hidden by what is nearer, and hides what is farther ("solid"),
    hidden only ("test"), or neither ("none"). ``blend``: "replace", "alpha", "add" or "multiply".
    """

    order: int
    depth: str = "none"
    blend: str = "replace"


def _format() -> core.GeomVertexFormat:
    wanted = core.GeomVertexFormat()
    for name, count, kind, contents in (
        ("vertex", 3, core.Geom.NT_float32, core.Geom.C_point),
        ("color", 4, core.Geom.NT_uint8, core.Geom.C_color),
        ("texcoord", 2, core.Geom.NT_float32, core.Geom.C_texcoord),
    ):
        wanted.add_array(core.GeomVertexArrayFormat(core.InternalName.make(name), count, kind, contents))
    return core.GeomVertexFormat.register_format(wanted)


class Batch:
    """Triangles drawn in one go; what it holds may be replaced at any time."""

    def __init__(self, parent: core.NodePath, layer: Layer, texture: core.Texture | None) -> None:
        """Hang an empty batch under ``parent``; `Canvas.batch` is the way to make one."""
        self._data = core.GeomVertexData("batch", _format(), core.Geom.UH_dynamic)
        self._triangles = core.GeomTriangles(core.Geom.UH_dynamic)
        self._triangles.set_index_type(core.Geom.NT_uint32)
        geom = core.Geom(self._data)
        geom.add_primitive(self._triangles)
        self._node = core.GeomNode("batch")
        self._node.add_geom(geom)
        self._node.set_bounds(core.OmniBoundingVolume())
        self._node.set_final(True)
        self.path = parent.attach_new_node(self._node)
        _apply(self.path, layer)
        self._is_light = layer.blend == "add"
        if texture is not None:
            self.path.set_texture(texture)

    def shape(self, points: NDArray, faces: NDArray, uv: NDArray | None = None) -> None:
        """Replace the triangles: ``points`` (n, 3), ``faces`` (m, 3), texture coordinates ``uv`` (n, 2)."""
        data = self._node.modify_geom(0).modify_vertex_data()
        data.unclean_set_num_rows(len(points))
        data.modify_array_handle(0).copy_data_from(np.ascontiguousarray(points, np.float32).data)
        if uv is not None:
            data.modify_array_handle(2).copy_data_from(np.ascontiguousarray(uv, np.float32).data)
        rows = self._node.modify_geom(0).modify_primitive(0)
        rows.set_index_type(core.Geom.NT_uint32)
        vertices = rows.modify_vertices()
        vertices.unclean_set_num_rows(faces.size)
        vertices.modify_handle().copy_data_from(np.ascontiguousarray(faces, np.uint32).data)

    def colours(self, rgba: NDArray[np.uint8]) -> None:
        """Replace the colours (n, 4) of the points."""
        if self._is_light:
            rgba = rgba * np.array([1, 1, 1, 0], np.uint8)  # it covers nothing of the background, see `Canvas`
        data = self._node.modify_geom(0).modify_vertex_data()
        data.modify_array_handle(1).copy_data_from(np.ascontiguousarray(rgba).data)

    def place(self, x: float, y: float, heading: float) -> None:
        """Put the batch's origin at (x, y) m, turned by ``heading`` rad, both in the ego frame."""
        self.path.set_pos_hpr(x, y, 0, math.degrees(heading), 0, 0)

    def show(self, visible: bool) -> None:
        """Draw the batch or leave it out."""
        self.path.show() if visible else self.path.hide()

    def remove(self) -> None:
        """Take the batch away for good."""
        self.path.remove_node()


def _apply(path: core.NodePath, layer: Layer) -> None:
    path.set_bin("fixed", layer.order)
    path.set_depth_test(layer.depth != "none")
    path.set_depth_write(layer.depth == "solid")
    blend = core.ColorBlendAttrib
    if layer.blend == "alpha":
        path.set_transparency(core.TransparencyAttrib.M_alpha)
    elif layer.blend == "add":
        path.set_attrib(blend.make(blend.M_add, blend.O_one, blend.O_one))
    elif layer.blend == "multiply":
        path.set_attrib(blend.make(blend.M_add, blend.O_zero, blend.O_incoming_color))


class Canvas:
    """A picture of ``width`` x ``height`` pixels, drawn off screen as one camera sees its batches.

    Where nothing is drawn it is black and its alpha is 0; colours are weighted by alpha, so that a background may be
    added to them.
    """

    def __init__(self, camera: Camera, width: int, height: int) -> None:
        """Open the buffer. Raises ``RuntimeError`` where the engine cannot draw off screen."""
        self.width, self.height = width, height
        self._engine = core.GraphicsEngine.get_global_ptr()
        pipe = core.GraphicsPipeSelection.get_global_ptr().make_default_pipe()
        wanted = core.FrameBufferProperties()
        wanted.set_rgba_bits(8, 8, 8, 8)
        wanted.set_depth_bits(24)
        size = core.WindowProperties.size(width, height)
        self._buffer = self._engine.make_output(pipe, "town", 0, wanted, size, core.GraphicsPipe.BF_refuse_window)
        if self._buffer is None:
            raise RuntimeError(
                f"Panda3D opened no {width} x {height} off-screen buffer, expected its software renderer to"
            )
        self._buffer.set_active(False)
        self._picture = core.Texture()
        self._buffer.add_render_texture(self._picture, core.GraphicsOutput.RTM_copy_ram)
        self.root = core.NodePath("town")
        self._buffer.set_clear_color((0, 0, 0, 0))
        self._buffer.make_display_region().set_camera(_camera_node(self.root, camera.resized(width, height)))

    def batch(self, layer: Layer, texture: core.Texture | None = None) -> Batch:
        """A new, empty batch on this canvas."""
        return Batch(self.root, layer, texture)

    def draw(self) -> NDArray[np.uint8]:
        """The picture as the engine keeps it: (height, width, 4) BGRA bytes, bottom row first.

        It is valid until the next call.
        """
        self._buffer.set_active(True)
        self._engine.render_frame()
        self._buffer.set_active(False)
        return np.frombuffer(self._picture.get_ram_image(), np.uint8).reshape(self.height, self.width, 4)

    def close(self) -> None:
        """Give the buffer back."""
        self._engine.remove_window(self._buffer)


def _camera_node(root: core.NodePath, camera: Camera) -> core.NodePath:
    """The pinhole of `scenarios.camera` as a Panda3D camera; the principal point is in its matrix."""
    lens = core.MatrixLens()
    near, far = NEAR, FAR
    cx, cy = camera.cx + SAMPLE_SHIFT, camera.cy + SAMPLE_SHIFT
    # Row vectors (x right, y forward, z up) -> clip space; image y runs down, clip y up.
    lens.set_user_mat(core.LMatrix4f(
        2 * camera.fx / camera.width, 0, 0, 0,
        2 * cx / camera.width - 1, 1 - 2 * cy / camera.height, (far + near) / (far - near), 1,
        0, 2 * camera.fy / camera.height, 0, 0,
        0, 0, -2 * far * near / (far - near), 0,
    ))  # fmt: skip
    path = root.attach_new_node(core.Camera("camera", lens))
    path.set_pos_hpr(camera.x, camera.y, camera.z, -90, -math.degrees(camera.pitch), 0)
    return path


def texture(pixels: NDArray[np.uint8], *, mipmaps: bool = True) -> core.Texture:
    """A repeating texture of (h, w, 3) RGB or (h, w, 4) RGBA bytes.

    ``mipmaps``: the rasteriser chooses one level per triangle, which shows where neighbouring triangles are large.
    """
    height, width, channels = pixels.shape
    made = core.Texture()
    made.setup_2d_texture(
        width, height, core.Texture.T_unsigned_byte, core.Texture.F_rgba if channels == 4 else core.Texture.F_rgb
    )
    order = [2, 1, 0, 3][:channels]
    made.set_ram_image(np.ascontiguousarray(pixels[::-1][:, :, order]).tobytes())
    made.set_wrap_u(core.SamplerState.WM_repeat)
    made.set_wrap_v(core.SamplerState.WM_repeat)
    made.set_minfilter(core.SamplerState.FT_linear_mipmap_linear if mipmaps else core.SamplerState.FT_linear)
    made.set_magfilter(core.SamplerState.FT_linear)
    return made
