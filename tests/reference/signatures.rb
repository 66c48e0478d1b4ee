# signatures.rb MODULE: what the classes of an unpacked module accept, as Puppet's own parser reads them. A line for each
# class, and one for each of its parameters: class, parameter, the default's Puppet code; none: it must be given.
require 'puppet'

parser = Puppet::Pops::Parser::EvaluatingParser.new
Dir.glob("#{ARGV.first}/manifests/**/*.pp").sort.each do |file|
  parser.parse_file(file).definitions.grep(Puppet::Pops::Model::HostClassDefinition).each do |found|
    puts "#{found.name}\t\t"
    found.parameters.each do |parameter|
      default = parameter.value
      code = default ? found.locator.extract_text(default.offset, default.length) : ''
      puts "#{found.name}\t#{parameter.name}\t#{code.split.join(' ')}"
    end
  end
end
