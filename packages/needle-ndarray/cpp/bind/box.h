// A C++ value as a Python object.
#pragma once

#include <Python.h>
// After Python.h.
#include <structmember.h>

#include <new>
#include <utility>

namespace needle::bind {

template <class T>
struct Box {
  PyObject_HEAD PyObject *weak_references;
  T value;

  static inline PyTypeObject *type = nullptr;  // has no subtypes; set once, when the module starts up

  // The value inside of an object; null where it is of another type.
  static T *find(PyObject *object) { return Py_TYPE(object) == type ? &of(object) : nullptr; }
  static T &of(PyObject *object) { return reinterpret_cast<Box *>(object)->value; }

  // A new reference.
  static PyObject *make(T &&value) {
    void *memory = spare_count > 0 ? spare[--spare_count] : PyObject_Malloc(sizeof(Box));
    if (!memory) throw std::bad_alloc();
    auto *box = static_cast<Box *>(memory);
    PyObject *object = PyObject_Init(reinterpret_cast<PyObject *>(box), type);
    box->weak_references = nullptr;
    new (&box->value) T(std::move(value));
    return object;
  }

  static void destroy(PyObject *object) {
    auto *box = reinterpret_cast<Box *>(object);
    if (box->weak_references) PyObject_ClearWeakRefs(object);
    box->value.~T();
    if (spare_count < max_spare) {
      spare[spare_count++] = box;
    } else {
      PyObject_Free(box);
    }
    Py_DECREF(type);  // as objects of types that are made at run time do
  }

 private:
  // Objects to be used again, under the GIL: an operation makes one and drops another.
  static constexpr int max_spare = 32;
  static inline void *spare[max_spare];
  static inline int spare_count = 0;
};

}  // namespace needle::bind
