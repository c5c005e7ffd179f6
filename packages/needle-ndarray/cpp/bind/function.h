// C++ functions as built-in functions and methods of Python. Each is defined by its signature, as Python writes it: by
// that arguments are matched, and it is what an error shows. The parameters' C++ types decide how they are converted.
//
//     define<[](const NDArray &x, py::handle shape, std::optional<bool> copy) { ... }>(
//         m, "reshape(x, /, shape, *, copy=None)");
#pragma once

#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "convert.h"

namespace needle::bind {

// All arguments of a function whose signature is "name(*arguments)".
using Arguments = std::span<PyObject *const>;

class Signature {
 public:
  // "name(x, /, y, *, z=None)"; a default is None, True, False, an integer, a "string" or ().
  Signature(const char *text, const char *doc, bool is_method);

  // Puts each parameter's argument, borrowed, into `values`; throws where the call does not fit.
  void match(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values) const {
    if (names || n < required_ || n > positional_) return match_any(args, n, names, values);
    for (Py_ssize_t i = 0; i < n; ++i) values[i] = args[i];
    for (Py_ssize_t i = n; i < total_; ++i) values[i] = parameters_[static_cast<size_t>(i)].fallback;
  }
  void expect_no_names(PyObject *names) const;

  const char *name() const { return name_.c_str(); }
  // As Python wants it: the signature for `inspect`, then the text.
  const char *doc() const { return doc_.c_str(); }

 private:
  struct Parameter {
    std::string name;
    PyObject *fallback;  // null where an argument is required
  };

  void match_any(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values) const;
  [[noreturn]] void reject(const std::string &problem, const std::string &got = "") const;

  std::string name_, text_, doc_;
  std::vector<Parameter> parameters_;
  // Of the parameters: all, those that take an argument by its place, those that take it by nothing else, and how many
  // arguments given by their place leave nothing out (beyond all, if one has to be given by its name).
  Py_ssize_t total_ = 0, positional_ = 0, positional_only_ = 0, required_ = 0;
};

// -- one argument

template <class T>
struct Converted;
#define CONVERTED(type, expression)                                                                      \
  template <>                                                                                            \
  struct Converted<type> {                                                                               \
    static decltype(auto) from([[maybe_unused]] const char *op, PyObject *object) { return expression; } \
  };
CONVERTED(py::handle, py::handle(object))
CONVERTED(py::object, py::reinterpret_borrow<py::object>(object))
CONVERTED(NDArray, to_array(op, object))
CONVERTED(const NDArray *, object == Py_None ? nullptr : &to_array(op, object))
CONVERTED(DType, to_dtype(op, object))
CONVERTED(Device, to_device_or_default(object))
CONVERTED(Dims, to_dims(op, object))
CONVERTED(int64_t, to_integer(op, object))
CONVERTED(uint64_t, to_word(op, object))
CONVERTED(double, to_real(op, object))
CONVERTED(bool, to_bool(op, object))
CONVERTED(std::string, to_string(op, object))
#undef CONVERTED
template <class T>
struct Converted<std::optional<T>> {
  static std::optional<T> from(const char *op, PyObject *object) {
    if (object == Py_None) return std::nullopt;
    return Converted<T>::from(op, object);
  }
};
template <class T>
struct Converted<std::vector<T>> {
  static std::vector<T> from(const char *op, PyObject *object) {
    std::vector<T> values;
    for (py::handle item : to_sequence(op, object)) values.push_back(Converted<T>::from(op, item.ptr()));
    return values;
  }
};

// -- the result, as a new reference

template <class T>
PyObject *to_python(T &&value) {
  using Value = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<Value, NDArray>) {
    return Box<NDArray>::make(std::move(value));
  } else if constexpr (std::is_same_v<Value, DType>) {
    return dtype_object(value).release().ptr();
  } else if constexpr (std::is_same_v<Value, Device>) {
    return device_object(value).release().ptr();
  } else if constexpr (std::is_base_of_v<py::object, Value>) {
    return py::object(std::forward<T>(value)).release().ptr();
  } else {
    return py::cast(std::forward<T>(value)).release().ptr();
  }
}

// Runs f and gives its result to Python; where it throws, Python's exception is set and the result is null.
template <class F>
PyObject *guarded(F f) {
  try {
    if constexpr (std::is_void_v<decltype(f())>) {
      f();
      return Py_NewRef(Py_None);
    } else {
      return to_python(f());
    }
  } catch (...) {
    raise_current();
    return nullptr;
  }
}

// For slots that give an int, -1 for a failure.
template <class F>
Py_ssize_t guarded_number(F f) {
  try {
    return f();
  } catch (...) {
    raise_current();
    return -1;
  }
}

// -- functions and methods

template <class... T>
struct Last {
  using type = void;
};
template <class First, class... Rest>
struct Last<First, Rest...> : std::tuple_element<sizeof...(Rest), std::tuple<First, Rest...>> {};

// Calls f with `self...`, which a method has, and the arguments.
template <class Result, class... Params, class... Self>
PyObject *call(const Signature &signature, Result (*f)(Params...), PyObject *const *args, Py_ssize_t n, PyObject *names,
               const Self &...self) {
  constexpr size_t given = sizeof...(Self), count = sizeof...(Params) - given;
  using Tuple = std::tuple<Params...>;
  return guarded([&]() -> Result {
    if constexpr (count == 1 && std::is_same_v<typename Last<Params...>::type, Arguments>) {
      signature.expect_no_names(names);
      return f(self..., Arguments(args, static_cast<size_t>(n)));
    } else {
      PyObject *values[count + 1];
      signature.match(args, n, names, values);
      return [&]<size_t... i>(std::index_sequence<i...>) -> Result {
        return f(self..., Converted<std::remove_cvref_t<std::tuple_element_t<given + i, Tuple>>>::from(signature.name(),
                                                                                                       values[i])...);
      }(std::make_index_sequence<count>());
    }
  });
}

template <auto f>
struct Function {
  static inline const Signature *signature;
  static inline PyMethodDef definition;
  static PyObject *run(PyObject *, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    return call(*signature, +f, args, n, names);
  }
};

template <class T, auto f>
struct Method {
  static inline const Signature *signature;
  static PyObject *run(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    return call(*signature, +f, args, n, names, Box<T>::of(self));
  }
};

// Kept for good, as Python's side of them is.
template <class F>
PyMethodDef define_by(const char *text, const char *doc, bool is_method) {
  F::signature = new Signature(text, doc, is_method);
  auto run = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&F::run));
  return {F::signature->name(), run, METH_FASTCALL | METH_KEYWORDS, F::signature->doc()};
}

template <auto f>
py::object define(py::module_ &m, const char *text, const char *doc = "") {
  PyMethodDef &definition = Function<f>::definition = define_by<Function<f>>(text, doc, false);
  py::object module_name = m.attr("__name__");
  py::object function = py::reinterpret_steal<py::object>(PyCFunction_NewEx(&definition, nullptr, module_name.ptr()));
  if (!function) throw py::error_already_set();
  m.attr(definition.ml_name) = function;
  return function;
}

// What a type is made of. Lives as long as the type.
class TypeParts {
 public:
  template <class T, auto f>
  void method(const char *text, const char *doc = "") {
    methods_.push_back(define_by<Method<T, f>>(text, doc, true));
  }
  template <class T, auto f>
  void getter(const char *name) {
    auto get = [](PyObject *self, void *) { return guarded([&] { return f(Box<T>::of(self)); }); };
    getters_.push_back({name, get, nullptr, nullptr, nullptr});
  }
  template <class F>
  void slot(int id, F *function) {
    slots_.push_back({id, reinterpret_cast<void *>(function)});
  }

  // Makes the type of Box<T> and puts it into the module. Objects come from C++ alone; `hint` says how.
  template <class T>
  void make(py::module_ &m, const char *name, const char *hint, const char *doc) {
    static const char *const refusal[] = {name, hint};
    slot(
        Py_tp_new, +[](PyTypeObject *, PyObject *, PyObject *) {
          return guarded([] {
            fail(ErrorKind::type, refusal[0], "objects are not made by calling the type", "", "", refusal[1]);
          });
        });
    slot(Py_tp_dealloc, &Box<T>::destroy);
    Box<T>::type = make_type(m, name, doc, sizeof(Box<T>), offsetof(Box<T>, weak_references));
  }

 private:
  PyTypeObject *make_type(py::module_ &m, const char *name, const char *doc, size_t size, size_t weak_references);

  std::string name_;
  std::vector<PyType_Slot> slots_;
  std::vector<PyMethodDef> methods_;
  std::vector<PyGetSetDef> getters_;
  PyMemberDef members_[2] = {};
};

}  // namespace needle::bind
