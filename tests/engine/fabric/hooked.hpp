#pragma once

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_rma.h>

#include "function_table.hpp"

namespace weft::fabric::test {

/// The function tables of one of libfabric's objects; it uses those of its kind.
struct Hooked {
  FunctionTable<fi_ops> fid;
  FunctionTable<fi_ops_fabric> fabric;
  FunctionTable<fi_ops_domain> domain;
  FunctionTable<fi_ops_mr> mr;
  FunctionTable<fi_ops_cm> cm;
  FunctionTable<fi_ops_msg> msg;
  FunctionTable<fi_ops_rma> rma;
  FunctionTable<fi_ops_eq> eq;
  FunctionTable<fi_ops_cq> cq;
  FunctionTable<fi_ops_av> av;
  FunctionTable<fi_ops_wait> wait;

  /// The object has its provider's tables again.
  void out(struct fid* object) const;
};

}  // namespace weft::fabric::test
