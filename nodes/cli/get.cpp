#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/peer_names.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/save_plan.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

class GetCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of the node");
    arguments.positionals("NAME", wanted_.names, "what to pull: names, or parts 'w[0:128,:]'; none: everything",
                          Needed::kNo);
    arguments.path("-o,--output", "FILE|DIR", output_, "where to write; default: here, named after what it holds");
    arguments.texts("--slice", "SLICE", wanted_.slices,
                    "only this part: 'w[0:128,:]', or '0:128,:' of the one NAME; repeatable");
    arguments.flag("-f,--force", force_, "replace a file that is there");
  }

  Result<int> run(Context& context) override {
    WEFT_TRY(check_wanted(wanted_));
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    WEFT_LET(const auto path, choose_path(output_, wanted_, force_));
    WEFT_LET(auto node, start_client(context));
    WEFT_LET(auto plan, make_plan(context, node, ticket));
    return save(context, node, ticket, plan, path);
  }

 private:
  Result<SavePlan> make_plan(Context& context, TensorNode& node, const Ticket& ticket) const {
    WEFT_LET(const auto listed, await(node.list(ticket, "*", {.deadline = deadline_of(context)})));
    auto plan = SavePlan::make(listed, wanted_);
    if (plan || plan.error().kind() != ErrorClass::kNotFound) return plan;
    return fail(
        no_such_name(peer_text(context, node, ticket), plan.error().context().name, listed, spelled_again(ticket_)));
  }

  Result<int> save(Context& context, TensorNode& node, const Ticket& ticket, SavePlan& plan,
                   const std::filesystem::path& path) const {
    const auto count = plan.items.size();
    WEFT_LET(auto writer, SafetensorsWriter::open(path, plan.items));
    ProgressBar bar(context.out, "", "tensors", count, plan.bytes);
    Pull pull(node, ticket, std::move(plan.parts), {.lane = context.settings.lane, .deadline = deadline_of(context)});
    WEFT_LET(const auto report, pull.run(bar, [&](const PullPart& part, const Tensor& tensor) {
      return writer.write(part.item, part.offset, tensor.bytes());
    }));
    const auto moving = bar.taken();  // what follows is the disk's own time
    WEFT_TRY(writer.finish());
    const auto taken = bar.taken();
    bar.finish(fmt::format("{}   verified", to_string(report.lane)), moving);
    tell(context, path,
         {{"file", path.string()},
          {"tensors", count},
          {"bytes", plan.bytes},
          {"seconds", seconds(taken)},
          {"lane", to_string(report.lane)},
          {"verified", true}});
    return 0;
  }

  void tell(Context& context, const std::filesystem::path& path, const Json& object) const {
    if (context.out.format() == Format::kJson)
      context.out.json(object);
    else if (context.out.format() == Format::kPlain)
      context.out.data(escaped(path.string()));
    else if (path != output_)
      context.out.say("wrote " + escaped(path.string()));
  }

  std::string ticket_;
  Wanted wanted_;
  std::filesystem::path output_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> make_get() { return std::make_unique<GetCommand>(); }

}  // namespace weft::cli
