"""Pictures of a body through a camera, without a display."""

import numpy as np
import pyvista as pv
from jaxtyping import Float, Int, UInt8
from scipy import sparse

from biomech.camera import Camera
from biomech.errors import BioposeError

try:  # on a machine without a screen VTK logs that it looked for one, and draws all the same
    from vtkmodules.vtkCommonCore import vtkLogger

    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
except ImportError:
    pass

SKIN = (0.87, 0.66, 0.54)
BACKGROUND = (0.80, 0.82, 0.84)


class Renderer:
    """Draws one mesh, frame after frame, through one camera, exactly as ``Camera.project`` projects.

    The plotter is kept between the frames and only the points are moved: about 20 frames at 512×512 in a
    second of one core's time.
    Use it in a ``with`` block, or ``close`` it.
    """

    def __init__(
        self,
        faces: Int[np.ndarray, "triangles 3"],
        camera: Camera,
        color: tuple[float, float, float] | Float[np.ndarray, "vertices 3"] = SKIN,
        background: tuple[float, float, float] = BACKGROUND,
        floor: bool = False,
        smooth: bool = True,
        antialias: bool = False,
        ambient: float = 0.25,
        light_from: tuple[float, float, float] = (0.4, 0.8, -1.0),
    ):
        """
        Args:
            faces: corners of each triangle.
            camera: whose picture it is.
            color: one for the body, or one for each vertex (clothing); red, green, blue in 0…1.
            background: of the picture.
            floor: whether to draw the ground at Y = 0 as a plane with a grid of 0.5 m.
            smooth: shade the body as a smooth surface, not triangle by triangle.
            antialias: smooth the outlines, at twice the time.
            ambient: light from everywhere, 0…1.
            light_from: where the lamp is, seen from the camera (x right, y up, z away from the lens).

        Raises:
            BioposeError: this machine cannot draw off-screen.
        """
        self._corners = np.ascontiguousarray(np.asarray(faces, int).T)
        self._camera, self._color, self._smooth, self._ambient = camera, np.asarray(color), smooth, ambient
        self._mesh: pv.PolyData | None = None
        try:
            self._plotter = pv.Plotter(off_screen=True, window_size=list(camera.size_px), lighting="none")
            self._plotter.background_color = pv.Color([float(c) for c in background])  # whole numbers would be 0…255
            if antialias:
                self._plotter.enable_anti_aliasing("msaa", multi_samples=4)
        except Exception as error:
            raise _cannot_draw(error) from error
        x, y, z = light_from
        lamp = pv.Light(position=(x, y, -z), focal_point=(0, 0, 0), light_type="camera light")  # VTK's z is to us
        self._plotter.add_light(lamp)
        if floor:
            plane = pv.Plane(
                center=(0, -1e-3, 0), direction=(0, 1, 0), i_size=20, j_size=20, i_resolution=40, j_resolution=40
            )
            self._plotter.add_mesh(plane, color=(0.6, 0.6, 0.58), show_edges=True, edge_color=(0.5, 0.5, 0.5))
        self.look(camera)

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory of the picture back."""
        self._plotter.close()

    def render(self, vertices: Float[np.ndarray, "vertices 3"]) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of the mesh at these places in the world, m."""
        points = np.asarray(vertices, np.float32)
        try:
            if self._mesh is None:
                self._mesh = self._add(points)
            else:
                self._mesh.points = points
                if self._smooth:
                    self._mesh.point_data["Normals"] = self._normals(points)
                self._mesh.Modified()
            # Clipping planes around what is there, so that nothing near or far is cut.
            self._plotter.renderer.ResetCameraClippingRange()
            self._plotter.render()
            return np.ascontiguousarray(np.asarray(self._plotter.screenshot(return_img=True))[..., :3])
        except RuntimeError as error:
            raise _cannot_draw(error) from error

    def _add(self, points: np.ndarray) -> pv.PolyData:
        mesh = pv.PolyData.from_regular_faces(points, self._corners.T)
        if self._smooth:
            count = self._corners.shape[1]
            touching = (np.ones(3 * count, np.float32), (self._corners.ravel(), np.tile(np.arange(count), 3)))
            self._triangles_of_vertex = sparse.csr_array(touching, shape=(len(points), count))
            mesh.point_data["Normals"] = self._normals(points)
            mesh.point_data.active_normals_name = "Normals"
        colors = np.broadcast_to(np.clip(self._color, 0, 1) * 255, points.shape).astype(np.uint8)
        mesh.point_data["color"] = colors
        actor = self._plotter.add_mesh(
            mesh, scalars="color", rgb=True, ambient=self._ambient, diffuse=1 - self._ambient
        )
        if self._smooth:
            actor.prop.interpolation = "Phong"
        return mesh

    def _normals(self, points: np.ndarray) -> np.ndarray:
        """Of every vertex: those of its triangles, weighted by their area."""
        a, b, c = (points[corner] for corner in self._corners)
        normals = self._triangles_of_vertex @ np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)

    def furnish(
        self, corners: Float[np.ndarray, "4 3"], picture: UInt8[np.ndarray, "rows columns 3"], brightness: float = 1.0
    ) -> None:
        """Hang a picture on a rectangle that stays where it is; the lamp does not change its colours.

        Args:
            corners: of the rectangle, m: where the picture's upper left, upper right, lower right and lower left lie.
            picture: RGB.
            brightness: that the picture is dimmed to, 0…1.
        """
        sheet = pv.PolyData.from_regular_faces(np.asarray(corners, float), np.array([[0, 1, 2, 3]]))
        sheet.active_texture_coordinates = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
        texture = pv.Texture((picture * brightness).astype(np.uint8))
        texture.interpolate = texture.mipmap = True
        self._plotter.add_mesh(sheet, texture=texture, lighting=False)

    def look(self, camera: Camera) -> None:
        """Film from there on: ``render`` draws the same things as this camera sees them.

        Args:
            camera: with a picture of the first one's size.
        """
        # VTK's camera as the pinhole: its window centre moves where the picture's centre differs from the camera's.
        width, height = camera.size_px
        to_world = camera.rotation_camera_from_world.T
        position = camera.to_world(np.zeros(3))
        view = self._plotter.camera
        view.position = tuple(position)
        view.focal_point = tuple(position + to_world @ [0, 0, 1])
        view.up = tuple(to_world @ [0, -1, 0])
        view.view_angle = float(np.degrees(2 * np.arctan2(height / 2, camera.focal_px)))
        # Pixel (0, 0) is the centre of the first pixel, so the picture's middle is at (size − 1) / 2.
        x, y = camera.center_px
        view.SetWindowCenter(-2 * (x - (width - 1) / 2) / width, 2 * (y - (height - 1) / 2) / height)


def _cannot_draw(error: Exception) -> BioposeError:
    return BioposeError(
        f"cannot draw pictures without a display ({error})",
        mend="Install a software OpenGL (on Debian and Ubuntu the packages libgl1, libegl1 and libosmesa6).",
    )
