// needle.ndarray._core: the front as a Python module.
#include "convert.h"

PYBIND11_MODULE(_core, m) {
  namespace py = pybind11;
  py::options options;
  options.disable_function_signatures();  // _core.pyi has them
  m.doc() = "The front of needle.ndarray: NDArray and the functions on it.";
  needle::bind::bind_types(m);
  py::class_<needle::NDArray> ndarray(m, "NDArray", py::buffer_protocol(),
                                      "An n-dimensional array on a device: a buffer and how to read it.");
  needle::bind::bind_ndarray(ndarray);
  needle::bind::bind_operators(ndarray);
  needle::bind::bind_functions(m);
  needle::bind::bind_exchange(m, ndarray);
}
