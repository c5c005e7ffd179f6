// Versions of what is in a buffer, who wrote to it, and the place in the user's program from which Needle was called.
#include <string_view>

#include "function.h"

namespace needle::bind {

namespace {

// Whether the frame runs code of a package of Needle, by the name of its module: files may lie in any folder.
bool is_ours(const py::object &frame) {
  static PyObject *const key = PyUnicode_InternFromString("__name__");
  constexpr std::string_view prefix = "needle.";
  py::object globals =
      py::reinterpret_steal<py::object>(PyFrame_GetGlobals(reinterpret_cast<PyFrameObject *>(frame.ptr())));
  PyObject *name = PyDict_GetItemWithError(globals.ptr(), key);
  if (!name || !PyUnicode_Check(name) || PyUnicode_KIND(name) != PyUnicode_1BYTE_KIND) return false;
  std::string_view text(static_cast<const char *>(PyUnicode_DATA(name)),
                        static_cast<size_t>(PyUnicode_GET_LENGTH(name)));
  return text.starts_with(prefix);
}

// (code, f_lasti) of the innermost frame that is not ours, from which its line can be told later; None without one.
py::object user_frame() {
  auto frame_of = [](PyFrameObject *frame) {
    return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject *>(frame));
  };
  py::object frame = frame_of(PyThreadState_GetFrame(PyThreadState_Get()));
  while (frame && is_ours(frame)) frame = frame_of(PyFrame_GetBack(reinterpret_cast<PyFrameObject *>(frame.ptr())));
  if (!frame) return py::none();
  auto *user = reinterpret_cast<PyFrameObject *>(frame.ptr());
  py::tuple place(2);
  PyTuple_SET_ITEM(place.ptr(), 0, reinterpret_cast<PyObject *>(PyFrame_GetCode(user)));
  PyTuple_SET_ITEM(place.ptr(), 1, py::int_(PyFrame_GetLasti(user)).release().ptr());
  return place;
}

std::shared_ptr<void> find_user() {
  return lent<PyObject>(user_frame().release().ptr(), [](PyObject *place) { Py_DECREF(place); });
}

// (op, file, line)
py::object writer(const NDArray &x, uint64_t version) {
  const Write *write = x.buffer->version.find_end(version);
  if (!write) return py::none();
  py::handle place(static_cast<PyObject *>(write->place.get()));
  if (place.is_none()) return py::make_tuple(write->op, "<unknown>", 0);
  py::handle code = PyTuple_GET_ITEM(place.ptr(), 0);
  long lasti = PyLong_AsLong(PyTuple_GET_ITEM(place.ptr(), 1));
  int line = PyCode_Addr2Line(reinterpret_cast<PyCodeObject *>(code.ptr()), static_cast<int>(lasti));
  return py::make_tuple(write->op, code.attr("co_filename"), line);
}

}  // namespace

void bind_versions(py::module_ &m, TypeParts &type) {
  find_place = find_user;
  type.getter<NDArray, [](const NDArray &x) { return x.buffer->version.number(); }>("version");
  type.method<NDArray, [](const NDArray &x) {
    x.buffer->version.watch();
    return x.buffer->version.number();
  }>("watch()");
  type.method<NDArray, writer>("writer(version, /)");
  define<user_frame>(m, "user_frame()");
}

}  // namespace needle::bind
