// The widget's view: what the model says, and a stepper that sets its target.
const STATES = ["working", "starting", "pending", "requested", "lost"];

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function button(label, text, act) {
  const node = element("button", "ihpc-widget-button", text);
  node.setAttribute("aria-label", label);
  node.addEventListener("click", act);
  return node;
}

function render({ model, el }) {
  const root = element("div", "ihpc-widget");
  root.setAttribute("role", "group");
  const title = element("div", "ihpc-widget-title");
  const bar = element("div", "ihpc-widget-bar");
  bar.setAttribute("role", "img");
  const words = element("div", "ihpc-widget-words");
  const problem = element("div", "ihpc-widget-problem");
  problem.setAttribute("role", "status");
  const number = document.createElement("input");
  number.type = "number";
  number.min = "0";
  number.setAttribute("aria-label", "Target number of workers");

  const set = value => {
    const bounded = Math.max(0, Math.min(model.get("maximum"), value));
    model.set("target", bounded);
    model.save_changes();
  };
  number.addEventListener("change", () => set(parseInt(number.value, 10) || 0));
  const stepper = element("div", "ihpc-widget-stepper");
  stepper.append(
    button("One worker fewer", "−", () => set(model.get("target") - 1)),
    number,
    button("One worker more", "+", () => set(model.get("target") + 1))
  );

  const show = () => {
    const group = model.get("view").groups?.[model.get("group")];
    const counts = group?.counts ?? {};
    title.textContent = `${model.get("name")} · ${model.get("state")}`;
    root.setAttribute("aria-label", `Cluster ${model.get("name")}`);
    const shown = STATES.filter(state => counts[state] > 0);
    const text = shown.map(state => `${counts[state]} ${state}`).join(", ") || "no workers";
    words.textContent = `target ${model.get("target")}: ${text}`;
    bar.setAttribute("aria-label", text);
    bar.replaceChildren(
      ...shown.map(state => {
        const part = element("span", `ihpc-widget-part ihpc-widget-${state}`);
        part.style.flexGrow = String(counts[state]);
        part.title = `${counts[state]} ${state}`;
        return part;
      })
    );
    if (document.activeElement !== number) number.value = String(model.get("target"));
    number.max = String(model.get("maximum"));
    problem.textContent = model.get("problem");
  };
  root.append(title, bar, words, stepper, problem);
  el.append(root);
  model.on("change", show);
  show();
  return () => model.off("change", show);
}

export default { render };
