// The fields of the structures that callers fill, and the cells' names, for who writes them in another language: told by
// the compiler.
#include <cstddef>
#include <string>

#include "recurrent/cells.h"
#include "unpad_tape.h"

namespace {

struct Field {
  const char *name;
  size_t at;
};

template <size_t N>
std::string line(const char *name, size_t bytes, const Field (&fields)[N]) {
  std::string out = name + (" " + std::to_string(bytes));
  for (const Field &field : fields) out += std::string(" ") + field.name + " " + std::to_string(field.at);
  return out + "\n";
}

#define AT(field) {#field, offsetof(Struct, field)}

std::string adam_fields() {
  typedef unpad_adam Struct;
  return line("unpad_adam", sizeof(Struct), {
      AT(beta_1), AT(beta_2), AT(rate), AT(epsilon), AT(keep)});
}

std::string adam_part_fields() {
  typedef unpad_adam_part Struct;
  return line("unpad_adam_part", sizeof(Struct), {
      AT(weight), AT(gradient), AT(m), AT(v), AT(count), AT(order), AT(starts), AT(width)});
}

std::string attention_fields() {
  typedef unpad_attention Struct;
  return line("unpad_attention", sizeof(Struct), {
      AT(query), AT(key), AT(value), AT(queries), AT(keys), AT(out), AT(logs), AT(d_out), AT(d_query), AT(d_key),
      AT(d_value), AT(query_steps), AT(key_steps), AT(batch), AT(heads), AT(key_heads), AT(size), AT(value_size),
      AT(query_step), AT(key_step), AT(value_step), AT(causal), AT(window), AT(scale), AT(query_blocks), AT(key_blocks),
      AT(seen), AT(seen_bytes), AT(seen_sequence), AT(seen_head), AT(seen_query), AT(rate), AT(seed), AT(weights),
      AT(d_weights), AT(widest)});
}

std::string chain_fields() {
  typedef unpad_chain Struct;
  return line("unpad_chain", sizeof(Struct), {
      AT(scores), AT(transitions), AT(start), AT(end), AT(offsets), AT(only), AT(total), AT(walked), AT(fitting),
      AT(whence), AT(path), AT(d_total), AT(d_scores), AT(d_transitions), AT(d_start), AT(d_end), AT(marginals),
      AT(steps), AT(batch), AT(tags), AT(pairs), AT(best)});
}

std::string ctc_fields() {
  typedef unpad_ctc Struct;
  return line("unpad_ctc", sizeof(Struct), {
      AT(scores), AT(offsets), AT(labels), AT(label_offsets), AT(total), AT(d_scores), AT(steps), AT(batch), AT(classes),
      AT(label_count)});
}

std::string layer_fields() {
  typedef unpad_layer Struct;
  return line("unpad_layer", sizeof(Struct), {
      AT(problem.cell), AT(problem.dtype), AT(problem.activation), AT(problem.recurrent_activation), AT(problem.keep),
      AT(problem.threads), AT(problem.directions), AT(problem.masks), AT(problem.plan), AT(problem.steps),
      AT(problem.batch), AT(problem.hidden), AT(problem.offsets), AT(values), AT(ids), AT(weights[0].kernel),
      AT(weights[0].recurrent_kernel), AT(weights[0].bias), AT(weights[0].recurrent_bias), AT(weights[1].kernel),
      AT(weights[1].recurrent_kernel), AT(weights[1].bias), AT(weights[1].recurrent_bias), AT(initial_h),
      AT(initial_c), AT(mask), AT(h), AT(final_h), AT(final_c), AT(gates), AT(saved), AT(feature), AT(reverse[0]),
      AT(reverse[1])});
}

std::string layer_gradients_fields() {
  typedef unpad_layer_gradients Struct;
  return line("unpad_layer_gradients", sizeof(Struct), {
      AT(d_h), AT(d_final_h), AT(d_final_c), AT(d_values), AT(d_weights[0].kernel), AT(d_weights[0].recurrent_kernel),
      AT(d_weights[0].bias), AT(d_weights[0].recurrent_bias), AT(d_weights[1].kernel),
      AT(d_weights[1].recurrent_kernel), AT(d_weights[1].bias), AT(d_weights[1].recurrent_bias), AT(d_initial_h),
      AT(d_initial_c)});
}

std::string normal_fields() {
  typedef unpad_normal Struct;
  return line("unpad_normal", sizeof(Struct), {
      AT(values), AT(gamma), AT(beta), AT(offsets), AT(out), AT(mean), AT(scale), AT(d_out), AT(d_values), AT(d_gamma),
      AT(d_beta), AT(rows), AT(batch), AT(groups), AT(size), AT(epsilon)});
}

std::string pointwise_fields() {
  typedef unpad_pointwise Struct;
  return line("unpad_pointwise", sizeof(Struct), {
      AT(values), AT(out), AT(d_out), AT(d_values), AT(count), AT(kind), AT(alpha), AT(scale)});
}

std::string pooling_fields() {
  typedef unpad_pooling Struct;
  return line("unpad_pooling", sizeof(Struct), {
      AT(values), AT(first), AT(last), AT(out), AT(d_out), AT(d_values), AT(rows), AT(count), AT(width), AT(largest)});
}

std::string product_fields() {
  typedef unpad_product Struct;
  return line("unpad_product", sizeof(Struct), {
      AT(a), AT(b), AT(bias), AT(out), AT(sums), AT(m), AT(n), AT(k), AT(a_stride), AT(b_stride), AT(out_stride),
      AT(a_transposed), AT(b_transposed), AT(accumulate)});
}

std::string slots_fields() {
  typedef unpad_slots Struct;
  return line("unpad_slots", sizeof(Struct), {
      AT(values), AT(kernel), AT(parts), AT(d_out), AT(d_kernel), AT(d_values), AT(order), AT(starts),
      AT(sequence_ids), AT(offsets), AT(steps), AT(batch), AT(slots), AT(feature), AT(units)});
}

std::string tape_fields() {
  typedef unpad_tape Struct;
  return line("unpad_tape", sizeof(Struct), {
      AT(arrays), AT(operations), AT(active), AT(array_count), AT(operation_count), AT(times), AT(steps), AT(back)});
}

std::string tape_array_fields() {
  typedef unpad_tape_array Struct;
  return line("unpad_tape_array", sizeof(Struct), {
      AT(kind), AT(width), AT(data), AT(start), AT(coming), AT(after), AT(rows), AT(stride), AT(transposed)});
}

std::string tape_operation_fields() {
  typedef unpad_tape_operation Struct;
  return line("unpad_tape_operation", sizeof(Struct), {
      AT(op), AT(width), AT(out), AT(out_column), AT(a), AT(a_column), AT(a_each), AT(b), AT(b_column), AT(b_each),
      AT(factor), AT(number)});
}

#undef AT

std::string cell_names() {
  std::string out = "cells";
  for (const unpad::CellRecord &cell : unpad::Cells::records) out += std::string(" ") + cell.name;
  return out + "\n";
}

}  // namespace

extern "C" const char *unpad_kernels_fields(void) {
  static const std::string all = adam_fields() + adam_part_fields() + attention_fields() + chain_fields() + ctc_fields() + layer_fields() + layer_gradients_fields() + normal_fields() + pointwise_fields() + pooling_fields() + product_fields() + slots_fields() + tape_fields() + tape_array_fields() + tape_operation_fields() + cell_names();
  return all.c_str();
}

extern "C" int32_t unpad_kernels_version(void) { return 18; }
