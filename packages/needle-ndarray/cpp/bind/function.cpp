#include "function.h"

#include <algorithm>

namespace needle::bind {

namespace {

// The value of a default, for good.
PyObject *parse_default(const std::string &text) {
  if (text == "None") return Py_NewRef(Py_None);
  if (text == "True") return Py_NewRef(Py_True);
  if (text == "False") return Py_NewRef(Py_False);
  if (text == "()") return PyTuple_New(0);
  if (text[0] == '"') return PyUnicode_FromStringAndSize(text.data() + 1, static_cast<Py_ssize_t>(text.size()) - 2);
  return PyLong_FromString(text.c_str(), nullptr, 10);
}

}  // namespace

Signature::Signature(const char *text, const char *doc, bool is_method) : text_(text) {
  size_t open = text_.find('(');
  name_ = text_.substr(0, open);
  doc_ = text_ + "\n--\n\n" + doc;
  if (is_method) doc_.insert(open + 1, text_[open + 1] == ')' ? "$self" : "$self, ");
  bool by_place = true, all_required_by_place = true;
  for (size_t at = open + 1; at + 1 < text_.size();) {
    size_t end = std::min(text_.find(", ", at), text_.size() - 1);
    std::string part = text_.substr(at, end - at);
    at = end + 2;
    if (part == "/") {
      positional_only_ = total_;
    } else if (part[0] == '*') {
      by_place = false;
    } else {
      size_t equals = part.find('=');
      bool has_default = equals != std::string::npos;
      parameters_.push_back({part.substr(0, equals), has_default ? parse_default(part.substr(equals + 1)) : nullptr});
      ++total_;
      if (by_place) positional_ = total_;
      if (!has_default && by_place) required_ = total_;
      if (!has_default && !by_place) all_required_by_place = false;
    }
  }
  if (!all_required_by_place) required_ = total_ + 1;
}

void Signature::reject(const std::string &problem, const std::string &got) const {
  fail(ErrorKind::type, name_, problem, got, text_);
}

void Signature::expect_no_names(PyObject *names) const {
  if (names && PyTuple_GET_SIZE(names) > 0)
    reject("no argument has the name " + std::string(py::repr(PyTuple_GET_ITEM(names, 0))));
}

void Signature::match_any(PyObject *const *args, Py_ssize_t n, PyObject *names, PyObject **values) const {
  if (n > positional_)
    reject("too many arguments", std::to_string(n) + (positional_ < total_ ? " by their place" : ""));
  std::copy(args, args + n, values);
  std::fill(values + n, values + total_, nullptr);
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    std::string name = py::str(PyTuple_GET_ITEM(names, i));
    auto found = std::find_if(parameters_.begin(), parameters_.end(), [&](auto &p) { return p.name == name; });
    Py_ssize_t at = found - parameters_.begin();
    if (at == total_) reject("no argument has the name '" + name + "'");
    if (at < positional_only_) reject("the argument '" + name + "' is given by its place alone");
    if (values[at]) reject("the argument '" + name + "' is given twice");
    values[at] = args[n + i];
  }
  std::string missing;
  for (Py_ssize_t i = 0; i < total_; ++i) {
    const Parameter &parameter = parameters_[static_cast<size_t>(i)];
    if (!values[i]) values[i] = parameter.fallback;
    if (!values[i]) missing += (missing.empty() ? "'" : ", '") + parameter.name + "'";
  }
  if (!missing.empty())
    reject(missing.find(',') == std::string::npos ? "missing argument " + missing : "missing arguments " + missing);
}

PyTypeObject *TypeParts::make_type(py::module_ &m, const char *name, const char *doc, size_t size,
                                   size_t weak_references) {
  methods_.push_back({});
  getters_.push_back({});
  slot(Py_tp_methods, methods_.data());
  slot(Py_tp_getset, getters_.data());
  members_[0] = {"__weaklistoffset__", T_PYSSIZET, static_cast<Py_ssize_t>(weak_references), READONLY, nullptr};
  slot(Py_tp_members, members_);
  slots_.push_back({Py_tp_doc, const_cast<char *>(doc)});
  slots_.push_back({});
  name_ = std::string(py::str(m.attr("__name__"))) + "." + name;
  PyType_Spec spec = {name_.c_str(), static_cast<int>(size), 0, Py_TPFLAGS_DEFAULT, slots_.data()};
  PyObject *type = PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  m.attr(name) = py::handle(type);
  return reinterpret_cast<PyTypeObject *>(type);
}

}  // namespace needle::bind
