// needle.ndarray._core: the front as a Python module.
#include "function.h"

namespace needle::bind {

namespace {

// What the module holds is of one interpreter: threads take its GIL, objects are cached. On Python 3.12 and newer
// the slot below says so; before, nobody asks.
void expect_main_interpreter() {
  if (PyInterpreterState_Get() != PyInterpreterState_Main())
    throw py::import_error(
        "[needle.ndarray] it cannot be imported in a subinterpreter; hint: use threads or processes");
}

void fill(py::module_ m) {
  expect_main_interpreter();
  bind_types(m);
  auto &ndarray = *new TypeParts;
  bind_ndarray(ndarray);
  bind_operators(ndarray);
  bind_exchange(m, ndarray);
  bind_versions(m, ndarray);
  ndarray.make<NDArray>(m, "NDArray", "use needle.ndarray.asarray",
                        "An n-dimensional array on a device: a buffer and how to read it.");
  bind_functions(m);
}

int execute(PyObject *module) {
  return static_cast<int>(guarded_number([&] {
    fill(py::reinterpret_borrow<py::module_>(module));
    return 0;
  }));
}

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void *>(execute)},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "_core",
    "The front of needle.ndarray: NDArray and the functions on it.",
    0,
    nullptr,
    slots,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace

}  // namespace needle::bind

extern "C" PyMODINIT_FUNC PyInit__core() { return PyModuleDef_Init(&needle::bind::definition); }
