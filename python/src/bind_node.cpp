#include <weft/python/docs.hpp>
#include <weft/python/node.hpp>

namespace weft::python {

void bind_node(nb::module_& module) {
  const auto none = [](const char* name) { return nb::arg(name) = nb::none(); };
  nb::class_<PyLoan>(module, "Loan", docs::kLoan, nb::is_weak_referenceable())
      .def_prop_ro("generation", &PyLoan::generation, "Of the name, as it is served.")
      .def("end", &PyLoan::end, docs::kLoanEnd)
      .def("__repr__", &PyLoan::repr)
      .def("__enter__",
           [](nb::handle self) {
             nb::cast<PyLoan&>(self).enter();
             return nb::borrow(self);
           })
      .def("__exit__", [](PyLoan& self, const nb::args&) { self.end(); });

  nb::class_<PyNode>(module, "NodeBase", nb::is_weak_referenceable())
      .def(
          "__init__", [](PyNode* self, const nb::kwargs& keywords) { new (self) PyNode(keywords); },
          nb::arg("keywords"))
      .def_prop_ro("ticket", &PyNode::ticket, docs::kTicket)
      .def_prop_ro("id", &PyNode::id, docs::kNodeId)
      .def("__repr__", &PyNode::repr)
      .def("put", &PyNode::put, nb::arg("name").none(), nb::arg("data").none(), docs::kPut)
      .def("put_many", &PyNode::put_many, nb::arg("tensors").none(), docs::kPutMany)
      .def("lend", &PyNode::lend, nb::arg("name").none(), nb::arg("data").none(), docs::kLend)
      .def("serve", &PyNode::serve, nb::arg("path").none(), nb::kw_only(), nb::arg("prefix").none() = "", docs::kServe)
      .def("remove", &PyNode::remove, nb::arg("name").none(), docs::kRemove)
      .def("stats", &PyNode::stats, docs::kStats)
      .def("lanes", &PyNode::lanes, docs::kLanes)
      .def("try_receive", &PyNode::try_receive, nb::arg("pattern").none() = "*", docs::kTryReceive)
      .def("_check_running", &PyNode::check_running)
      .def_prop_ro("_inherited", &PyNode::inherited)
      .def("get", &PyNode::get, nb::arg("peer").none(), nb::arg("name").none(), nb::kw_only(), none("slice"),
           none("pages"), none("into"), none("device"), none("generation"), none("verify"), none("timeout"),
           none("lane"), none("progress"), none("trace"), docs::kGet)
      .def("get_many", &PyNode::get_many, nb::arg("peer").none(), nb::arg("items").none(), nb::kw_only(), none("pages"),
           none("generation"), none("verify"), none("timeout"), none("lane"), none("progress"), none("trace"),
           docs::kGetMany)
      .def("push", &PyNode::push, nb::arg("peer").none(), nb::arg("name").none(), nb::arg("data").none(), nb::kw_only(),
           none("verify"), none("timeout"), none("lane"), none("progress"), none("trace"), docs::kPush)
      .def("receive", &PyNode::receive, nb::arg("pattern").none() = "*", nb::kw_only(), none("timeout"), docs::kReceive)
      .def("list", &PyNode::list, nb::arg("peer").none(), nb::arg("pattern").none() = "*", nb::kw_only(),
           none("timeout"), docs::kList)
      .def("explain", &PyNode::explain, nb::arg("peer").none(), nb::arg("name").none() = "", nb::kw_only(),
           none("timeout"), docs::kExplain)
      .def("ping", &PyNode::ping, nb::arg("peer").none(), nb::kw_only(), none("timeout"), docs::kPing)
      .def("stop", &PyNode::stop, nb::arg("timeout").none() = 2.0, docs::kStop);
}

}  // namespace weft::python
