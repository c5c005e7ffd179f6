// The extension module needle.ndarray._cpu: the backend in a capsule, and what Python may set and ask.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdlib>
#include <string>

#include "backend.h"
#include "error.h"
#include "pool.h"
#include "targets.h"

namespace needle::cpu {
namespace {

PyObject *py_set_num_threads(PyObject *, PyObject *argument) {
  int overflow;
  long threads = PyLong_AsLongAndOverflow(argument, &overflow);
  if (threads == -1 && PyErr_Occurred()) return nullptr;
  if (overflow > 0) threads = max_threads;
  if (threads < 1) {
    const char *problem = "[set_num_threads] not a number of threads; got %S; expected at least 1";
    return PyErr_Format(PyExc_ValueError, problem, argument);
  }
  set_num_threads(static_cast<int>(threads < max_threads ? threads : max_threads));
  Py_RETURN_NONE;
}

PyObject *py_get_num_threads(PyObject *, PyObject *) { return PyLong_FromLong(get_num_threads()); }

PyObject *py_isa(PyObject *, PyObject *) { return PyUnicode_FromString(isa()); }

PyMethodDef methods[] = {
    {"set_num_threads", py_set_num_threads, METH_O, "Compute on n threads, the calling one included."},
    {"get_num_threads", py_get_num_threads, METH_NOARGS, "Return the number of threads that compute."},
    {"isa", py_isa, METH_NOARGS, "Return the instruction set in use."},
    {nullptr, nullptr, 0, nullptr},
};

void threads_from_environment() {
  const char *text = std::getenv("NEEDLE_NUM_THREADS");
  if (!text || !*text) return;
  char *end = nullptr;
  long threads = std::strtol(text, &end, 10);
  if (*end || threads < 1 || threads > max_threads) {
    throw Failure(NEEDLE_ERROR, "[cpu] NEEDLE_NUM_THREADS is not a number of threads; got '" + std::string(text) +
                                    "'; expected 1 to " + std::to_string(max_threads));
  }
  set_num_threads(static_cast<int>(threads));
}

// As a backend's entry point does where its device cannot be used.
int raise_unavailable(const char *reason) {
  PyObject *contract = PyImport_ImportModule("needle.ndarray.backend");
  PyObject *type = contract ? PyObject_GetAttrString(contract, "BackendUnavailable") : nullptr;
  if (type) PyErr_SetString(type, reason);
  Py_XDECREF(type);
  Py_XDECREF(contract);
  return -1;
}

int execute(PyObject *module) {
  try {
    kernels();
    threads_from_environment();
  } catch (const std::exception &error) {
    return raise_unavailable(error.what());
  }
  PyObject *capsule = PyCapsule_New(const_cast<needle_backend *>(&backend), NEEDLE_BACKEND_CAPSULE, nullptr);
  if (!capsule) return -1;
  int status = PyModule_AddObjectRef(module, "backend", capsule);
  Py_DECREF(capsule);
  return status;
}

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void *>(execute)},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cpu", "The cpu backend.", 0, methods, slots, nullptr, nullptr, nullptr,
};

}  // namespace
}  // namespace needle::cpu

PyMODINIT_FUNC PyInit__cpu() { return PyModuleDef_Init(&needle::cpu::definition); }
